/// accrete::cuda is CUDA's runtime, cuBLASLt, and a .cu file that is compiled as C++20.
#include <cublasLt.h>
#include <cuda_runtime_api.h>

#include <accrete/core/error.hpp>

int main() {
  int version = 0;
  if (cudaRuntimeGetVersion(&version) != cudaSuccess || cublasLtGetVersion() == 0) return 1;
  return accrete::message("CUDA ", version).empty() ? 1 : 0;
}
