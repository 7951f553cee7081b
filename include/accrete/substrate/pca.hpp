/// Principal components of rows of bits, and the table of embeddings that they give.
///
/// The covariance is accumulated in integers, the eigenvectors are computed in an order that no
/// compiler changes, and rows are projected by additions alone: the same bits on every machine.
#pragma once

#include <algorithm>
#include <bit>
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

/// Sixteen components of a basis, bit by bit: entry (b, c) at [16 b + c]. They fit into the cache
/// for all rows, and their sums into registers.
class ComponentPanel {
 public:
  static constexpr Index width = 2 * Octet::size;

  ComponentPanel(PcaBasis const& basis, Index first);

  /// out[c] = y[first + c] for the panel's components, past the last one 0.
  void project(std::span<BitMatrix::Word const> row, double* out) const;

 private:
  [[nodiscard]] double const* of_bit(Index bit) const { return entries_.data() + bit * width; }

  std::vector<double> entries_;
  Octet low_mean_ = Octet::zero();
  Octet high_mean_ = Octet::zero();
};

inline ComponentPanel::ComponentPanel(PcaBasis const& basis, Index first)
    : entries_(static_cast<std::size_t>(basis.bit_count * width)) {
  for (Index bit = 0; bit < basis.bit_count; ++bit) {
    auto const from = basis.components.begin() + bit * basis.width + first;
    std::copy_n(from, std::min(width, basis.width - first), entries_.begin() + bit * width);
    Octet const mean = Octet::all(basis.mean[static_cast<std::size_t>(bit)]);
    low_mean_ = low_mean_ + mean * Octet::load(of_bit(bit));
    high_mean_ = high_mean_ + mean * Octet::load(of_bit(bit) + Octet::size);
  }
}

inline void ComponentPanel::project(std::span<BitMatrix::Word const> row, double* out) const {
  Octet low = Octet::zero();
  Octet high = Octet::zero();
  Index first_bit = 0;
  for (BitMatrix::Word word : row) {
    for (; word != 0; word &= word - 1) {
      double const* const entries = of_bit(first_bit + std::countr_zero(word));
      low = low + Octet::load(entries);
      high = high + Octet::load(entries + Octet::size);
    }
    first_bit += BitMatrix::word_bits;
  }
  (low - low_mean_).store(out);
  (high - high_mean_).store(out + Octet::size);
}

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
  for (Index c = 0; c < basis.width; c += detail::ComponentPanel::width) {
    panels.emplace_back(basis, c);
  }
  auto const padded = static_cast<Index>(panels.size()) * detail::ComponentPanel::width;
  std::vector<float> table(static_cast<std::size_t>(bits.rows() * basis.width));
  constexpr Index rows_per_task = 256;
  pool.parallel_for((bits.rows() + rows_per_task - 1) / rows_per_task, [&](Index task) {
    Index const begin = task * rows_per_task;
    Index const end = std::min(begin + rows_per_task, bits.rows());
    std::vector<double> y(static_cast<std::size_t>((end - begin) * padded));
    Index panel_begin = 0;
    for (detail::ComponentPanel const& panel : panels) {
      for (Index r = begin; r < end; ++r) {
        panel.project(bits.row(r), y.data() + (r - begin) * padded + panel_begin);
      }
      panel_begin += detail::ComponentPanel::width;
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
