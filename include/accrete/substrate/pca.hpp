/// Principal components of rows of bits, and the table of embeddings that they give.
///
/// The covariance is accumulated in integers, the eigenvectors are computed in an order that no
/// compiler changes, and rows are projected by additions alone: the same bits on every machine.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/core/thread_pool.hpp>
#include <accrete/substrate/bit_matrix.hpp>
#include <accrete/substrate/co_occurrence.hpp>
#include <accrete/substrate/component_panel.hpp>
#include <accrete/substrate/eigen_solver.hpp>
#include <accrete/substrate/octet.hpp>
#include <accrete/substrate/pca_basis.hpp>
#include <accrete/substrate/symmetric_eigen.hpp>

ACCRETE_BEGIN_NAMESPACE

/// scikit-learn: `PCA(width, svd_solver="full").fit(bits)`, but for the signs.
///
/// Throws ShapeError unless 1 <= width <= bits.columns() and there is a row.
[[nodiscard]] PcaBasis fit_pca(BitMatrix const& bits, Index width, ThreadPool& pool);

/// The same, out of `co_occurrence(bits, pool)`, by any solver.
[[nodiscard]] PcaBasis fit_pca(CoOccurrence const& both, Index width, ThreadPool& pool,
                               EigenSolver const& solver = portable_eigen_solver());

/// table[r,:] = y / |y| with y[c] = sum over the set bits b of row r of components[b,c], less the
/// same sum for the mean row: (rows, width). A row that lies on the mean, up to rounding, becomes
/// zeros.
///
/// Throws ShapeError where the rows have another number of bits than the basis.
[[nodiscard]] std::vector<float> project_normalized(PcaBasis const& basis, BitMatrix const& bits,
                                                    ThreadPool& pool);

namespace detail {

inline void check_pca(Index rows, Index bits, Index width) {
  if (rows < 1 || width < 1 || width > bits) {
    throw ShapeError(message("fit_pca: expected at least one row and a width from 1 to ", bits,
                             " (the bits of a row), got ", rows, " rows and width ", width));
  }
}

}  // namespace detail

inline PcaBasis fit_pca(BitMatrix const& bits, Index width, ThreadPool& pool) {
  detail::check_pca(bits.rows(), bits.columns(), width);
  return fit_pca(co_occurrence(bits, pool), width, pool);
}

inline PcaBasis fit_pca(CoOccurrence const& both, Index width, ThreadPool& pool,
                        EigenSolver const& solver) {
  Index const rows = both.rows;
  Index const n = both.columns;
  detail::check_pca(rows, n, width);
  // rows * both[i,j] - both[i,i] * both[j,j] is rows^2 times the covariance, and below 2^62.
  std::vector<double> scatter(static_cast<std::size_t>(n * n));
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) {
      scatter[static_cast<std::size_t>(i * n + j)] =
          static_cast<double>(rows * both.at(i, j) - Index{both.at(i, i)} * both.at(j, j));
    }
  }
  SymmetricEigen eigen = solver.solve(scatter, n, width, pool);

  PcaBasis basis{n, width, {}, std::move(eigen.vectors), std::move(eigen.values)};
  auto const row_count = static_cast<double>(rows);
  for (Index i = 0; i < n; ++i) {
    basis.mean.push_back(static_cast<double>(both.at(i, i)) / row_count);
  }
  double const divisor = row_count * std::max(row_count - 1.0, 1.0);
  for (double& variance : basis.variances) variance = std::max(variance, 0.0) / divisor;
  return basis;
}

namespace detail {

/// y / |y|, or zeros where |y| is mere rounding: a row that differs from the mean at all differs by
/// 1 / rows or more in some bit.
inline void normalize_row(double const* y, Index padded, std::span<float> out) {
  double const length = std::sqrt(octet_dot(y, y, 0, padded));
  for (std::size_t c = 0; c < out.size(); ++c) {
    out[c] = length > 1e-10 ? static_cast<float>(y[c] / length) : 0.0F;
  }
}

}  // namespace detail

inline std::vector<float> project_normalized(PcaBasis const& basis, BitMatrix const& bits,
                                             ThreadPool& pool) {
  if (bits.columns() != basis.bit_count) {
    throw ShapeError(message("project_normalized: expected rows of ", basis.bit_count,
                             " bits, got ", bits.columns()));
  }
  std::vector<detail::ComponentPanel> panels;
  constexpr Index panel_width = detail::ComponentPanel::width;
  for (Index c = 0; c < basis.width; c += panel_width) {
    panels.emplace_back(basis, c);
  }
  auto const padded = static_cast<Index>(panels.size()) * panel_width;
  std::vector<float> table(static_cast<std::size_t>(bits.rows() * basis.width));
  constexpr Index rows_per_task = 256;
  pool.parallel_for((bits.rows() + rows_per_task - 1) / rows_per_task, [&](Index task) {
    Index const begin = task * rows_per_task;
    Index const end = std::min(begin + rows_per_task, bits.rows());
    detail::SetBits const set_bits(bits, begin, end);
    std::vector<double> y(static_cast<std::size_t>((end - begin) * padded));
    std::vector<double> sums(static_cast<std::size_t>((end - begin) * panel_width));
    Index panel_begin = 0;
    for (detail::ComponentPanel const& panel : panels) {
      panel.project(set_bits, sums);
      for (Index r = 0; r < end - begin; ++r) {
        std::copy_n(sums.data() + r * panel_width, panel_width,
                    y.data() + r * padded + panel_begin);
      }
      panel_begin += panel_width;
    }
    for (Index r = begin; r < end; ++r) {
      detail::normalize_row(y.data() + (r - begin) * padded, padded,
                            std::span(table).subspan(static_cast<std::size_t>(r * basis.width),
                                                     static_cast<std::size_t>(basis.width)));
    }
  });
  return table;
}

ACCRETE_END_NAMESPACE
