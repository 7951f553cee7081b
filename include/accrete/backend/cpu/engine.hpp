/// What multiplies matrices in this program, in words for logs and checkpoints.
#pragma once

#include <string>
#include <string_view>

#include <accrete/backend/cpu/eigen.hpp>
#include <accrete/core/error.hpp>
#include <accrete/core/macros.hpp>

#ifdef ACCRETE_USE_CBLAS
#include <accrete/backend/cpu/cblas_tile.hpp>
// Only OpenBLAS has it.
extern "C" char* openblas_get_config() __attribute__((weak));
#endif

ACCRETE_BEGIN_NAMESPACE

/// "eigen" or "cblas", as the program was compiled.
[[nodiscard]] constexpr std::string_view engine_name() {
#ifdef ACCRETE_USE_CBLAS
  return "cblas";
#else
  return "eigen";
#endif
}

/// Such as "eigen 3.4.0, avx512" or "cblas (OpenBLAS 0.3.21 ...) and eigen 3.4.0, avx512". A BLAS
/// that does not sum as we do is named as left out: see backend/cpu/cblas_tile.hpp.
[[nodiscard]] inline std::string engine_description() {
  std::string blas;
#ifdef ACCRETE_USE_CBLAS
  blas = "cblas";
  if (openblas_get_config != nullptr) blas += message(" (", openblas_get_config(), ")");
  blas += detail::CblasTile::agrees() ? " and " : " (left out: it sums in another order), ";
#endif
  return message(blas, "eigen ", EIGEN_WORLD_VERSION, ".", EIGEN_MAJOR_VERSION, ".",
                 EIGEN_MINOR_VERSION, ", ", ACCRETE_ISA_STRING);
}

ACCRETE_END_NAMESPACE
