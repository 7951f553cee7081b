/// The backends that the tests are templates over.
#pragma once

#include <tuple>

#include <accrete/backend/cpu/backend.hpp>
#include <accrete/backend/reference/backend.hpp>

#include "support/kernels.hpp"

namespace accrete_test {

using AllBackends = std::tuple<accrete::ReferenceBackend<double>, accrete::ReferenceBackend<float>,
                               accrete::BasicCpuBackend<float>, accrete::BasicCpuBackend<double>>;
using DoubleBackends =
    std::tuple<accrete::ReferenceBackend<double>, accrete::BasicCpuBackend<double>>;
using CpuBackends = std::tuple<accrete::BasicCpuBackend<float>, accrete::BasicCpuBackend<double>>;

}  // namespace accrete_test
