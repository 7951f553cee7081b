/// The backends that the tests are templates over. Those for a device, which loops on the host stand in for unless nvcc
/// compiles them, have a program of their own, made of the same tests: with ACCRETE_TEST_DEVICE defined.
#pragma once

#include <memory>
#include <tuple>

#include <accrete/backend/cpu/backend.hpp>
#include <accrete/backend/reference/backend.hpp>

#include "support/kernels.hpp"
#ifdef ACCRETE_TEST_DEVICE
#include <boost/mpl/list.hpp>

#include "support/cuda_kernels.hpp"
#include "support/tested_cuda.hpp"
#endif

namespace accrete_test {

#ifdef ACCRETE_TEST_DEVICE
using DoubleBackends = std::tuple<accrete::BasicCudaBackend<double>>;
using CpuBackends = boost::mpl::list<>;
/// All whose kernels are measured against the reference loops.
using KernelBackends =
    std::tuple<accrete::BasicCudaBackend<float>, accrete::BasicCudaBackend<double>>;
using AllBackends = KernelBackends;
#else
using DoubleBackends =
    std::tuple<accrete::ReferenceBackend<double>, accrete::BasicCpuBackend<double>>;
using CpuBackends = std::tuple<accrete::BasicCpuBackend<float>, accrete::BasicCpuBackend<double>>;
using KernelBackends = CpuBackends;
using AllBackends = std::tuple<accrete::ReferenceBackend<double>, accrete::ReferenceBackend<float>,
                               accrete::BasicCpuBackend<float>, accrete::BasicCpuBackend<double>>;
#endif

/// A backend of the default settings; one for CUDA runs in the tests' own memory and times no algorithms.
template <class Backend>
[[nodiscard]] Backend make_backend() {
#ifdef ACCRETE_TEST_DEVICE
  if constexpr (!accrete::HostBackend<Backend>)
    return Backend(cuda_for_operations(), {.deterministic = true});
  else
#endif
    return Backend{};
}

}  // namespace accrete_test
