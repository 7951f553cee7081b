/// Products of many rows in one thread: operands are packed and multiplied tile by tile.
#pragma once

#include <algorithm>
#include <type_traits>

#include <accrete/backend/cpu/matrix_view.hpp>
#include <accrete/backend/cpu/product_packing.hpp>
#include <accrete/backend/cpu/product_tile.hpp>
#include <accrete/backend/cpu/scratch.hpp>

#ifdef ACCRETE_USE_CBLAS
#include <accrete/backend/cpu/cblas_tile.hpp>
#endif

ACCRETE_BEGIN_NAMESPACE
namespace detail {

/// c = a b. The sums are those of multiply_tile.
template <class T>
class TiledProduct {
 public:
  using Tile = ProductTile<T>;
  /// So many rows of `a`, packed, stay in the second cache.
  static constexpr Index most_rows = 512 / Tile::rows * Tile::rows;

  void multiply(MatrixView<T const> a, MatrixView<T const> b, MatrixView<T> c,
                ProductOptions<T> options) const;

 private:
  /// The first rows and columns of c that a BLAS multiplies: a whole number of our tiles.
  struct Corner {
    Index rows = 0;
    Index columns = 0;
  };

  void multiply_block(MatrixView<T const> a, MatrixView<T const> b, MatrixView<T> c,
                      ProductOptions<T> const& options) const;
  Corner multiply_by_blas(MatrixView<T const> b, MatrixView<T> c,
                          ProductOptions<T> const& options) const;
  template <int Packs = Tile::packs>
  void multiply_panel(Index first_row, MatrixView<T const> b, MatrixView<T> c,
                      ProductOptions<T> const& options) const;

  /// Packed columns of b, as many as a tile has, and packed rows of a.
  T* panel_ = scratch<T, TiledProduct>((Tile::columns + most_rows) * Tile::depth);
  T* rows_ = panel_ + Tile::columns * Tile::depth;
};

template <class T>
void TiledProduct<T>::multiply(MatrixView<T const> a, MatrixView<T const> b, MatrixView<T> c,
                               ProductOptions<T> options) const {
  Index const parts = (c.rows + most_rows - 1) / most_rows;
  Index k = 0;
  do {
    IndexRange const terms{k, std::min(k + Tile::depth, a.columns)};
    for (Index part = 0; part < parts; ++part) {
      IndexRange const rows = split_range(c.rows, parts, part, Tile::rows);
      multiply_block(a.block(rows, terms), b.block(terms, {0, b.columns}),
                     c.block(rows, {0, c.columns}), options);
    }
    options = options.after_first_terms();
    k = terms.end;
  } while (k < a.columns);
}

/// At most `most_rows` rows and Tile::depth terms.
template <class T>
void TiledProduct<T>::multiply_block(MatrixView<T const> a, MatrixView<T const> b, MatrixView<T> c,
                                     ProductOptions<T> const& options) const {
  pack_matrix(a, rows_, Tile::depth);
  Corner const done = multiply_by_blas(b, c, options);
  for (Index n = 0; n < c.columns; n += Tile::columns) {
    IndexRange const columns{n, std::min(n + Tile::columns, c.columns)};
    multiply_panel(n < done.columns ? done.rows : 0, b.block({0, b.rows}, columns),
                   c.block({0, c.rows}, columns), options.from(n));
  }
}

template <class T>
template <int Packs>
void TiledProduct<T>::multiply_panel(Index first_row, MatrixView<T const> b, MatrixView<T> c,
                                     ProductOptions<T> const& options) const {
  if constexpr (Packs > 1) {
    if (c.columns <= (Packs - 1) * Pack<T>::width)
      return multiply_panel<Packs - 1>(first_row, b, c, options);
  }
  pack_matrix(b, panel_, Packs * Pack<T>::width);
  for (Index m = first_row; m < c.rows; m += Tile::rows) {
    IndexRange const rows{m, std::min(m + Tile::rows, c.rows)};
    multiply_tile<Packs>(b.rows, rows_ + m * Tile::depth, panel_, c.block(rows, {0, c.columns}),
                         options);
  }
}

template <class T>
auto TiledProduct<T>::multiply_by_blas([[maybe_unused]] MatrixView<T const> b,
                                       [[maybe_unused]] MatrixView<T> c,
                                       [[maybe_unused]] ProductOptions<T> const& options) const
    -> Corner {
#ifdef ACCRETE_USE_CBLAS
  if constexpr (std::is_same_v<T, float>) {
    using Blas = CblasTile;
    Corner const corner{c.rows / Blas::rows * Blas::rows,
                        c.columns / Blas::columns * Blas::columns};
    bool const is_empty = corner.rows == 0 || corner.columns == 0;
    if (is_empty || b.rows != Blas::depth || options.scale != 1 || !Blas::agrees()) return {};
    if (options.bias != nullptr || !options.accumulate)
      for (Index m = 0; m < corner.rows; ++m)
        for_each_pack<T>(corner.columns,
                         [&](auto at) { store_sums(at, Pack<T>(T{0}), c.at(m, 0), options); });
    for (Index n = 0; n < corner.columns; n += Blas::columns)
      for (Index m = 0; m < corner.rows; m += Blas::rows) {
        IndexRange const rows{m, m + Blas::rows}, columns{n, n + Blas::columns};
        Blas::multiply({rows_ + m * Tile::depth, Blas::rows, Blas::depth, Tile::depth},
                       b.block({0, b.rows}, columns), c.block(rows, columns));
      }
    return corner;
  }
#endif
  return {};
}

}  // namespace detail
ACCRETE_END_NAMESPACE
