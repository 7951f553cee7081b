/// What kernels.hpp promises to be compiled somewhere.
#include "support/kernels.hpp"

ACCRETE_TEST_KERNELS();
