/// Eigenvalues and eigenvectors of a symmetric matrix, with the same bits on every machine, compiler
/// and thread count: Householder's tridiagonal form, then implicit QR sweeps.
///
/// The sweeps work on the three diagonals alone and note their plane rotations. Reflections and
/// rotations are then applied to sixteen rows of the eigenvector matrix at a time: these fit into
/// the cache and depend on no other row.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/core/thread_pool.hpp>
#include <accrete/substrate/octet.hpp>
#include <accrete/substrate/tridiagonal.hpp>

ACCRETE_BEGIN_NAMESPACE

struct SymmetricEigen {
  std::vector<double> values;   // (count), descending
  std::vector<double> vectors;  // (n, count): entry i of eigenvector c at [i * count + c]
};

/// The `count` largest eigenvalues of the symmetric `matrix` (n, n) and their eigenvectors, of unit
/// length and orthogonal. Errors are of the order epsilon * |matrix|, so that values far below the
/// largest are known absolutely, not relatively. The entry of largest absolute value in each vector
/// is positive; among equals it is the one with the lowest index.
///
/// Throws ShapeError unless the matrix has n * n entries and 1 <= count <= n; NumericError where an
/// entry is not finite.
[[nodiscard]] SymmetricEigen symmetric_eigen(std::span<double const> matrix, Index n, Index count,
                                             ThreadPool& pool);

namespace detail {

/// Sixteen rows of the matrix Q G, column by column: entry (r, c) of the panel at [16 c + r].
class EigenvectorPanel {
 public:
  static constexpr Index rows = 2 * Octet::size;

  EigenvectorPanel(Index n, Index first_row)
      : columns_(n), entries_(static_cast<std::size_t>(n * rows)) {
    for (Index r = 0; r < std::min(rows, n - first_row); ++r) at(r, first_row + r) = 1.0;
  }
  [[nodiscard]] double& at(Index r, Index c) {
    return entries_[static_cast<std::size_t>(c * rows + r)];
  }

  void apply(Reflections const& q);
  void apply(PlaneRotations const& g);

 private:
  Index columns_;
  std::vector<double> entries_;
};

inline void EigenvectorPanel::apply(Reflections const& q) {
  for (Index k = 0; k + 1 < columns_; ++k) {
    double const* const v = q.vector(k);
    Octet low = Octet::zero();
    Octet high = Octet::zero();
    double* const begin = entries_.data() + (k + 1) * rows;
    double* entry = begin;
    for (Index c = k + 1; c < columns_; ++c, entry += rows) {
      Octet const v_c = Octet::all(v[c]);
      low = low + Octet::load(entry) * v_c;
      high = high + Octet::load(entry + Octet::size) * v_c;
    }
    Octet const scale = Octet::all(q.scales[static_cast<std::size_t>(k)]);
    low = low * scale;
    high = high * scale;
    entry = begin;
    for (Index c = k + 1; c < columns_; ++c, entry += rows) {
      Octet const v_c = Octet::all(v[c]);
      (Octet::load(entry) - low * v_c).store(entry);
      (Octet::load(entry + Octet::size) - high * v_c).store(entry + Octet::size);
    }
  }
}

inline void EigenvectorPanel::apply(PlaneRotations const& g) {
  auto rotation = g.rotations.begin();
  for (Sweep const& sweep : g.sweeps) {
    double* entry = entries_.data() + sweep.begin * rows;
    for (Index k = sweep.begin; k < sweep.end; ++k, ++rotation, entry += rows) {
      Octet const cosine = Octet::all(rotation->cosine);
      Octet const sine = Octet::all(rotation->sine);
      for (Index half = 0; half < rows; half += Octet::size) {
        Octet const x = Octet::load(entry + half);
        Octet const y = Octet::load(entry + rows + half);
        (cosine * x + sine * y).store(entry + half);
        (cosine * y - sine * x).store(entry + rows + half);
      }
    }
  }
}

/// Makes the entry of largest absolute value in each column positive.
inline void orient_columns(std::span<double> vectors, Index n, Index count) {
  std::vector<double> largest(static_cast<std::size_t>(count));
  auto const row = [&](Index i) {
    return vectors.subspan(static_cast<std::size_t>(i * count), static_cast<std::size_t>(count));
  };
  for (Index i = 0; i < n; ++i) {
    auto const entries = row(i);
    for (std::size_t c = 0; c < largest.size(); ++c) {
      if (std::abs(entries[c]) > std::abs(largest[c])) largest[c] = entries[c];
    }
  }
  for (Index i = 0; i < n; ++i) {
    auto const entries = row(i);
    for (std::size_t c = 0; c < largest.size(); ++c) {
      if (largest[c] < 0.0) entries[c] = -entries[c];
    }
  }
}

/// The largest absolute value in the matrix. Throws as `symmetric_eigen` does.
inline double check_eigen_problem(std::span<double const> matrix, Index n, Index count) {
  if (n < 1 || static_cast<Index>(matrix.size()) != n * n || count < 1 || count > n) {
    throw ShapeError(message("symmetric_eigen: expected n * n entries and 1 <= count <= n, got ",
                             matrix.size(), " entries, n = ", n, ", count = ", count));
  }
  double largest = 0.0;
  for (double const entry : matrix) {
    if (!std::isfinite(entry)) throw NumericError("symmetric_eigen: an entry is not finite");
    largest = std::max(largest, std::abs(entry));
  }
  return largest;
}

}  // namespace detail

inline SymmetricEigen symmetric_eigen(std::span<double const> matrix, Index n, Index count,
                                      ThreadPool& pool) {
  double const largest = detail::check_eigen_problem(matrix, n, count);
  // A power of two that brings the largest entry to [1/2, 1); multiplying by it is exact.
  int exponent = 0;
  std::frexp(largest, &exponent);

  detail::Reflections q{padded_to_octets(n), {}, {}};
  q.vectors.resize(static_cast<std::size_t>(n * q.stride));
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) {
      q.vector(i)[j] = std::ldexp(matrix[static_cast<std::size_t>(i * n + j)], -exponent);
    }
  }
  detail::Tridiagonal t = detail::reduce_to_tridiagonal(q, n, pool);
  detail::PlaneRotations const g = detail::diagonalize(t);

  std::vector<Index> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), Index{0});
  auto const value = [&t](Index i) { return t.diagonal[static_cast<std::size_t>(i)]; };
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return value(a) > value(b); });
  order.resize(static_cast<std::size_t>(count));

  SymmetricEigen eigen;
  for (Index const i : order) eigen.values.push_back(std::ldexp(value(i), exponent));
  eigen.vectors.resize(static_cast<std::size_t>(n * count));
  constexpr Index rows = detail::EigenvectorPanel::rows;
  pool.parallel_for((n + rows - 1) / rows, [&](Index task) {
    Index const first = task * rows;
    detail::EigenvectorPanel panel(n, first);
    panel.apply(q);
    panel.apply(g);
    auto out = eigen.vectors.begin() + first * count;
    for (Index r = 0; r < std::min(rows, n - first); ++r) {
      for (Index const c : order) *out++ = panel.at(r, c);
    }
  });
  detail::orient_columns(eigen.vectors, n, count);
  return eigen;
}

ACCRETE_END_NAMESPACE
