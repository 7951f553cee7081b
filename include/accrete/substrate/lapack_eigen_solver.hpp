/// Eigenvectors by a LAPACK. Link accrete::lapack.
///
/// Its bits depend on the LAPACK, on the processor it was tuned for and on its threads: a substrate
/// made with it docks by its file alone, and says so in its provenance.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/substrate/eigen_solver.hpp>

extern "C" char* openblas_get_config() __attribute__((weak));  // only OpenBLAS has it

ACCRETE_BEGIN_NAMESPACE
namespace detail {

/// DSYEVD of LAPACK, under a name of our own: every header of LAPACK declares it in its own way.
void lapack_dsyevd(char const* job, char const* triangle, int const* n, double* matrix,
                   int const* stride, double* values, double* work, int const* work_size,
                   int* integer_work, int const* integer_work_size, int* info) asm("dsyevd_");

[[nodiscard]] inline SymmetricEigen lapack_eigen(std::span<double const> matrix, Index n,
                                                 Index count, ThreadPool&) {
  check_eigen_problem(matrix, n, count);
  constexpr Index most = 32766;  // 2 n^2 + 6 n + 1 is an int
  if (n > most) throw ShapeError(message("lapack_eigen: expected n up to ", most, ", got ", n));
  auto const size = static_cast<int>(n);
  std::vector<double> columns(matrix.begin(), matrix.end());
  std::vector<double> ascending(static_cast<std::size_t>(n));
  std::vector<double> work(static_cast<std::size_t>(2 * n * n + 6 * n + 1));
  std::vector<int> integer_work(static_cast<std::size_t>(5 * n + 3));
  auto const work_size = static_cast<int>(work.size());
  auto const integer_work_size = static_cast<int>(integer_work.size());
  int info = 0;
  lapack_dsyevd("V", "U", &size, columns.data(), &size, ascending.data(), work.data(), &work_size,
                integer_work.data(), &integer_work_size, &info);
  if (info != 0) throw NumericError(message("lapack_eigen: DSYEVD failed with info = ", info));

  SymmetricEigen eigen;
  eigen.values.assign(ascending.rbegin(), ascending.rbegin() + count);
  eigen.vectors.resize(static_cast<std::size_t>(n * count));
  for (Index c = 0; c < count; ++c) {
    auto const column = columns.begin() + (n - 1 - c) * n;
    for (Index i = 0; i < n; ++i)
      eigen.vectors[static_cast<std::size_t>(i * count + c)] = column[i];
  }
  orient_columns(eigen.vectors, n, count);
  return eigen;
}

}  // namespace detail

/// The LAPACK that the program is linked with; its name is such as "lapack (OpenBLAS 0.3.21 ...)".
[[nodiscard]] inline EigenSolver lapack_eigen_solver() {
  std::string name = "lapack";
  if (openblas_get_config != nullptr) name += message(" (", openblas_get_config(), ")");
  return {std::move(name), &detail::lapack_eigen};
}

ACCRETE_END_NAMESPACE
