/// The products of attention: small enough to stay in the caches, too small for the loops of
/// product.hpp to pay.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>

#include <accrete/backend/cpu/eigen.hpp>
#include <accrete/backend/cpu/pack.hpp>
#include <accrete/backend/cpu/product_packing.hpp>
#include <accrete/backend/cpu/product_tile.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace detail {

/// The first operand of a tile: number k of row r stands at data[r * row_stride + k * term_stride].
template <class T>
struct TileRows {
  T const* data;
  Index row_stride;
  Index term_stride = 1;
};

/// What stands in rows of whole packs: row k of the second operand, or row r of the result.
template <class T>
struct TileColumns {
  T* data;
  Index stride;
};

/// Tiles of sums that fill the registers, as high as two packs are wide: keys, and the width of a
/// head, are small.
template <class T>
struct AttentionTile {
  static constexpr bool many_registers = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS >= 32;
  static constexpr int rows = many_registers ? 12 : 5;
  static constexpr int packs = 2;
  static constexpr Index columns = packs * Pack<T>::width;

  /// `size` in whole tiles.
  [[nodiscard]] static constexpr Index whole_rows(Index size) {
    return (size + rows - 1) / rows * rows;
  }
  [[nodiscard]] static constexpr Index whole_columns(Index size) {
    return (size + columns - 1) / columns * columns;
  }

  /// c[r,:] = sum_k a[r,k] b[k,:], or c[r,:] +=, for `Rows` rows and `columns` columns. Each sum takes
  /// its terms one after the other, as sum = fma(a, b, sum).
  template <int Rows = rows>
  static void multiply(Index terms, TileRows<T> a, TileColumns<T const> b, TileColumns<T> c,
                       bool accumulate = false);
};

template <class T>
template <int Rows>
void AttentionTile<T>::multiply(Index terms, TileRows<T> a, TileColumns<T const> b,
                                TileColumns<T> c, bool accumulate) {
  constexpr Index width = Pack<T>::width;
  Pack<T> sums[std::size_t{Rows}][std::size_t{packs}];
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
    for (int p = 0; p < packs; ++p)
      sums[r][p] = accumulate ? Pack<T>::load(c.data + r * c.stride + p * width) : Pack<T>(T{0});
  }
  for (Index k = 0; k < terms; ++k) {
    Pack<T> const b0 = in_register(Pack<T>::load(b.data + k * b.stride));
    Pack<T> const b1 = in_register(Pack<T>::load(b.data + k * b.stride + width));
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      Pack<T> const a_rk(a.data[r * a.row_stride + k * a.term_stride]);
      sums[r][0] = multiply_add(b0, a_rk, sums[r][0]);
      sums[r][1] = multiply_add(b1, a_rk, sums[r][1]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
    for (int p = 0; p < packs; ++p) sums[r][p].store(c.data + r * c.stride + p * width);
  }
}

/// Has row t brought from memory, if there is one: the rows of one head stand so far apart that the
/// machine does not guess the next.
template <class T>
void prefetch_row(MatrixView<T> rows, Index t) {
  constexpr Index cache_line = 64 / static_cast<Index>(sizeof(T));
  constexpr int will_be_written = std::is_const_v<T> ? 0 : 1;
  if (t >= rows.rows) return;
  for (Index d = 0; d < rows.columns; d += cache_line)
    __builtin_prefetch(rows.at(t, d), will_be_written);
}
inline constexpr Index rows_ahead = 16;

/// Transposes the rows of one head, panel by panel of AttentionTile::columns rows: number d of row s
/// goes to panels[s / columns][d][s % columns].
template <class T>
void pack_panels(MatrixView<T const> rows, T* panels) {
  constexpr Index columns = AttentionTile<T>::columns;
  for (Index s = 0; s < rows.rows; s += columns) {
    for (Index t = s + columns; t < s + 2 * columns; ++t) prefetch_row(rows, t);
    pack_matrix(transposed(rows.block({s, std::min(s + columns, rows.rows)}, {0, rows.columns})),
                panels + s * rows.columns, columns);
  }
}

/// Copies the rows of one head, times `factor`, to rows of `width` numbers.
template <class T>
void pack_rows(MatrixView<T const> rows, T factor, T* to, Index width) {
  for (Index t = 0; t < rows.rows; ++t) {
    prefetch_row(rows, t + rows_ahead);
    for_each_pack<T>(rows.columns, [&](auto at) {
      at.store(to + t * width, at.load(rows.at(t, 0)) * Pack<T>(factor));
    });
  }
}

/// Copies packed rows, times `factor`, to the rows of one head.
template <class T>
void unpack_rows(T const* from, Index width, T factor, MatrixView<T> rows) {
  for (Index t = 0; t < rows.rows; ++t) {
    prefetch_row(rows, t + rows_ahead);
    for_each_pack<T>(rows.columns, [&](auto at) {
      at.store(rows.at(t, 0), at.load(from + t * width) * Pack<T>(factor));
    });
  }
}

}  // namespace detail
ACCRETE_END_NAMESPACE
