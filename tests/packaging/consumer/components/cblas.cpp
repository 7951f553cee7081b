/// accrete::cblas brings the engine's switch, the header and the library.
#include <cblas.h>

#include <accrete/core/error.hpp>

#ifndef ACCRETE_USE_CBLAS
#error "accrete::cblas does not choose the engine"
#endif

int main() {
  float const x[2] = {3, 4};
  return cblas_sdot(2, x, 1, x, 1) == 25.0f ? 0 : 1;
}
