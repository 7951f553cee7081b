#include "backend.hpp"

study::Backend study::make_backend([[maybe_unused]] Settings const& settings) {
#if defined(__CUDACC__)
  return Backend();
#else
  return Backend(settings.threads);
#endif
}
