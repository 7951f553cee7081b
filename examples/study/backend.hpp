/// Where the models of a study compute: on a CUDA device if nvcc compiles them, else on the CPU.
#pragma once

#if defined(__CUDACC__) || defined(ACCRETE_STUDY_ON_CUDA)
#include <accrete/cuda.hpp>
#else
#include <accrete/accrete.hpp>
#endif

#include "settings.hpp"

namespace study {

#if defined(__CUDACC__) || defined(ACCRETE_STUDY_ON_CUDA)  // the latter in tests, without a device
using Backend = accrete::CudaBackend;
#else
using Backend = accrete::CpuBackend;
#endif
[[nodiscard]] Backend make_backend(Settings const& settings);

}  // namespace study
