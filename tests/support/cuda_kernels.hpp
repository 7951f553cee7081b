/// The CUDA backend's kernels as loops on the host; cuda_kernels.cpp has them compiled once.
#pragma once

#include <accrete/backend/cuda/cuda.hpp>

#include "support/kernels.hpp"

#define ACCRETE_TEST_CUDA_KERNELS(PREFIX)                            \
  ACCRETE_TEST_KERNELS_OF(PREFIX, accrete::BasicCudaBackend<float>); \
  ACCRETE_TEST_KERNELS_OF(PREFIX, accrete::BasicCudaBackend<double>)

ACCRETE_TEST_CUDA_KERNELS(extern);
