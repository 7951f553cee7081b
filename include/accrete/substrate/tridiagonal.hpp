/// A symmetric matrix brought to three diagonals by reflections, and these to one by plane
/// rotations: the two halves of `symmetric_eigen`.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/core/thread_pool.hpp>
#include <accrete/substrate/octet.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace detail {

/// T, with diagonal[i] = T[i,i] and off_diagonal[i] = T[i,i+1].
struct Tridiagonal {
  std::vector<double> diagonal;      // (n)
  std::vector<double> off_diagonal;  // (n), the last is 0
};

/// Q = H_0 H_1 ... H_{n-1}, with H_k = I - scales[k] v_k v_k^T. Row k of `vectors` is v_k, which is
/// zero up to entry k. Rows are padded with zeros to octets.
struct Reflections {
  Index stride{};
  std::vector<double> vectors;  // (n, stride)
  std::vector<double> scales;   // (n)

  [[nodiscard]] double* vector(Index k) { return vectors.data() + k * stride; }
  [[nodiscard]] double const* vector(Index k) const { return vectors.data() + k * stride; }
};

/// Turns columns k and k + 1: (x, y) -> (cosine x + sine y, cosine y - sine x).
struct PlaneRotation {
  double cosine;
  double sine;
};

/// One rotation for each pair of columns (begin, begin + 1), ..., (end - 1, end).
struct Sweep {
  Index begin;
  Index end;
};

/// G: all sweeps in order, their rotations in one row.
struct PlaneRotations {
  std::vector<Sweep> sweeps;
  std::vector<PlaneRotation> rotations;
};

/// Finds T and Q with A = Q T Q^T. On entry `q.vectors` holds A, its entries at most 1 in absolute
/// value.
[[nodiscard]] Tridiagonal reduce_to_tridiagonal(Reflections& q, Index n, ThreadPool& pool);

/// Finds G with T = G D G^T; the diagonal of T becomes that of D.
[[nodiscard]] PlaneRotations diagonalize(Tridiagonal& t);

/// The scale of the reflection that turns x, which is zero before `first`, into
/// (0, ..., `result` at `first`, 0, ...). x becomes the reflection's v.
[[nodiscard]] inline double make_reflection(double* x, Index first, Index stride, double& result) {
  double const head = x[first];
  x[first] = 0.0;
  double const tail = octet_dot(x, x, first / Octet::size * Octet::size, stride);
  if (tail < 1e-60) {  // with |A| = 1 this is far below rounding, and its inverse could overflow
    result = head;
    return 0.0;
  }
  result = -std::copysign(std::sqrt(rounded_product(head, head) + tail), head);
  x[first] = head - result;
  return 1.0 / rounded_product(result, result - head);
}

inline Tridiagonal reduce_to_tridiagonal(Reflections& q, Index n, ThreadPool& pool) {
  auto const size = static_cast<std::size_t>(n);
  Tridiagonal t{std::vector<double>(size), std::vector<double>(size)};
  q.scales.assign(size, 0.0);
  // What step k - 1 leaves to be done, A -= v w^T + w v^T, step k does in the pass over A that
  // multiplies A by its own v.
  std::vector<double> v(static_cast<std::size_t>(q.stride));
  std::vector<double> w(v);
  std::vector<double> product(v);
  auto const update_row = [&](Index i, Index begin, auto&& use) {
    Octet const v_i = Octet::all(v[static_cast<std::size_t>(i)]);
    Octet const w_i = Octet::all(w[static_cast<std::size_t>(i)]);
    double* const row = q.vector(i);
    for (Index j = begin; j < q.stride; j += Octet::size) {
      Octet const entries = Octet::load(row + j) -
                            (v_i * Octet::load(w.data() + j) + w_i * Octet::load(v.data() + j));
      entries.store(row + j);
      use(j, entries);
    }
  };
  for (Index k = 0; k < n; ++k) {
    double* const x = q.vector(k);
    update_row(k, k / Octet::size * Octet::size, [](Index, Octet const&) {});
    t.diagonal[static_cast<std::size_t>(k)] = x[k];
    std::fill(x, x + k + 1, 0.0);
    if (k + 1 == n) break;

    Index const begin = (k + 1) / Octet::size * Octet::size;
    double const scale =
        make_reflection(x, k + 1, q.stride, t.off_diagonal[static_cast<std::size_t>(k)]);
    q.scales[static_cast<std::size_t>(k)] = scale;
    std::fill(product.begin(), product.end(), 0.0);
    constexpr Index rows_per_task = 32;
    pool.parallel_for_ranges(n - k - 1, rows_per_task, [&](IndexRange range) {
      for (Index i = k + 1 + range.begin; i < k + 1 + range.end; ++i) {
        Octet sum = Octet::zero();
        update_row(i, begin, [&](Index j, Octet const& entries) {
          sum = sum + entries * Octet::load(x + j);
        });
        product[static_cast<std::size_t>(i)] = rounded_product(scale, sum.sum());
      }
    });
    // w = p - (scale / 2) (p . v) v, with p = scale A v.
    Octet const along =
        Octet::all(rounded_product(0.5 * scale, octet_dot(product.data(), x, begin, q.stride)));
    std::copy(x, x + q.stride, v.begin());
    for (Index j = begin; j < q.stride; j += Octet::size) {
      (Octet::load(product.data() + j) - along * Octet::load(x + j)).store(w.data() + j);
    }
  }
  return t;
}

/// The eigenvalue of [[a, b], [b, c]] that lies nearer to c (Wilkinson's shift).
[[nodiscard]] inline double eigenvalue_near_last(double a, double b, double c) {
  double const half = 0.5 * (a - c);
  double const b_squared = rounded_product(b, b);
  double const root = std::sqrt(rounded_product(half, half) + b_squared);
  return c - b_squared / (half + std::copysign(root, half));
}

/// One implicit QR sweep over the unreduced block of T from `begin` to `end`.
inline void qr_sweep(Tridiagonal& t, Index begin, Index end,
                     std::vector<PlaneRotation>& rotations) {
  double* const d = t.diagonal.data();
  double* const e = t.off_diagonal.data();
  double x = d[begin] - eigenvalue_near_last(d[end - 1], e[end - 1], d[end]);
  double z = e[begin];  // the entry that the next rotation makes zero, beside x
  for (Index k = begin; k < end; ++k) {
    double const r = std::sqrt(rounded_product(x, x) + rounded_product(z, z));
    double const c = r == 0.0 ? 1.0 : x / r;
    double const s = r == 0.0 ? 0.0 : z / r;
    rotations.push_back({c, s});
    if (k > begin) e[k - 1] = r;
    // [[d, e], [e, d']] between the rotation and its transpose.
    auto const turned = [c, s](double first, double second) {
      return rounded_product(c, first) + rounded_product(s, second);
    };
    auto const turned_back = [c, s](double first, double second) {
      return rounded_product(c, second) - rounded_product(s, first);
    };
    double const above_left = turned(d[k], e[k]);
    double const above_right = turned(e[k], d[k + 1]);
    double const below_left = turned_back(d[k], e[k]);
    double const below_right = turned_back(e[k], d[k + 1]);
    d[k] = turned(above_left, above_right);
    e[k] = turned_back(above_left, above_right);
    d[k + 1] = turned_back(below_left, below_right);
    if (k + 1 < end) {
      x = e[k];
      z = rounded_product(s, e[k + 1]);
      e[k + 1] = rounded_product(c, e[k + 1]);
    }
  }
}

inline PlaneRotations diagonalize(Tridiagonal& t) {
  auto const n = static_cast<Index>(t.diagonal.size());
  double norm = 0.0;
  for (double const value : t.diagonal) norm = std::max(norm, std::abs(value));
  for (double const value : t.off_diagonal) norm = std::max(norm, std::abs(value));
  double const negligible = std::numeric_limits<double>::epsilon() * norm;
  auto const couples = [&](Index k) {
    return std::abs(t.off_diagonal[static_cast<std::size_t>(k)]) > negligible;
  };
  PlaneRotations g;
  auto const most_sweeps = static_cast<std::size_t>(30 * n);
  for (Index end = n - 1; end > 0;) {
    if (!couples(end - 1)) {
      --end;
      continue;
    }
    Index begin = end - 1;
    while (begin > 0 && couples(begin - 1)) --begin;
    if (g.sweeps.size() == most_sweeps) {
      throw NumericError("symmetric_eigen: the QR sweeps did not converge");
    }
    g.sweeps.push_back({begin, end});
    qr_sweep(t, begin, end, g.rotations);
  }
  return g;
}

}  // namespace detail
ACCRETE_END_NAMESPACE
