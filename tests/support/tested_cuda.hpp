/// What stands behind the CUDA backend in tests: the fake device; the real one where nvcc compiles them.
#pragma once

#include <memory>

#include <accrete/backend/cuda/options.hpp>

#ifdef __CUDACC__
#include "support/counted_device.hpp"
#else
#include "support/fake_cuda.hpp"
#endif

namespace accrete_test {

#ifdef __CUDACC__
using TestedCuda = CountedDevice;
#else
using TestedCuda = FakeCuda;
#endif

/// For tests of single operations, whose tensors stand in the tests' own memory.
[[nodiscard]] inline std::shared_ptr<TestedCuda> cuda_for_operations() {
#ifdef __CUDACC__
  return std::make_shared<CountedDevice>();
#else
  return std::make_shared<FakeCuda>(FakeCuda::Settings{.checks_memory = false});
#endif
}

}  // namespace accrete_test
