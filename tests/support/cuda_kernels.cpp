/// The kernels that cuda_kernels.hpp promises to be compiled somewhere.
#include "support/cuda_kernels.hpp"

ACCRETE_TEST_CUDA_KERNELS();
