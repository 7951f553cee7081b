/// Tiles of products by a CBLAS, where it sums as we do.
///
/// No standard says in which order a BLAS sums, and in some the order of an element depends on where
/// its row stands: a row alone would differ from the same row in a batch. So a BLAS gets tiles of
/// one size alone, and only once it has been seen to compute such tiles as we do, to the last bit.
/// All else, or everything, is multiplied by our own tiles: products have the same bits with a BLAS
/// and without.
#pragma once

#include <cblas.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include <accrete/backend/cpu/product_packing.hpp>
#include <accrete/backend/cpu/product_tile.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace detail {

/// The BLAS has to run in the thread that calls it: link a serial one, or tell it so.
class CblasTile {
 public:
  static constexpr Index rows = 192;
  static constexpr Index columns = 192;
  static constexpr Index depth = ProductTile<float>::depth;

  /// c += a b: a (rows, depth) and c (rows, columns) with contiguous rows, b (depth, columns).
  static void multiply(MatrixView<float const> a, MatrixView<float const> b, MatrixView<float> c) {
    bool const b_lies_transposed = b.column_stride != 1;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, b_lies_transposed ? CblasTrans : CblasNoTrans, rows,
                columns, depth, 1.0F, a.data, static_cast<int>(a.row_stride), b.data,
                static_cast<int>(b_lies_transposed ? b.column_stride : b.row_stride), 1.0F, c.data,
                static_cast<int>(c.row_stride));
  }

  /// Whether every bit of such a tile is ours. Tried once, then known.
  [[nodiscard]] static bool agrees() {
    static bool const result = agrees_on(Layout::contiguous_rows) &&  //
                               agrees_on(Layout::contiguous_columns);
    return result;
  }

 private:
  enum class Layout { contiguous_rows, contiguous_columns };
  [[nodiscard]] static bool agrees_on(Layout layout);
  [[nodiscard]] static std::vector<float> numbers(Index count, std::uint64_t seed);
};

inline bool CblasTile::agrees_on(Layout layout) {
  using Tile = ProductTile<float>;
  static_assert(rows % Tile::rows == 0 && columns % Tile::columns == 0);
  auto const a_numbers = numbers(rows * depth, 1), b_numbers = numbers(depth * columns, 2);
  auto c_ours = numbers(rows * columns, 3), c_theirs = c_ours;
  MatrixView<float const> const a(a_numbers.data(), rows, depth, depth);
  auto const b = layout == Layout::contiguous_rows
                     ? MatrixView<float const>(b_numbers.data(), depth, columns, columns)
                     : MatrixView<float const>(b_numbers.data(), depth, columns, 1, depth);
  MatrixView<float> const ours(c_ours.data(), rows, columns, columns);
  std::vector<float> panel(static_cast<std::size_t>(depth * Tile::columns));
  for (Index n = 0; n < columns; n += Tile::columns) {
    IndexRange const panel_columns{n, n + Tile::columns};
    pack_matrix(b.block({0, depth}, panel_columns), panel.data(), Tile::columns);
    for (Index m = 0; m < rows; m += Tile::rows)
      multiply_tile<Tile::packs>(depth, a.at(m, 0), panel.data(),
                                 ours.block({m, m + Tile::rows}, panel_columns),
                                 ProductOptions<float>{.accumulate = true});
  }
  multiply(a, b, {c_theirs.data(), rows, columns, columns});
  return std::memcmp(c_ours.data(), c_theirs.data(), c_ours.size() * sizeof(float)) == 0;
}

/// Numbers between -1 and 1 whose products and sums all need rounding.
inline std::vector<float> CblasTile::numbers(Index count, std::uint64_t seed) {
  std::vector<float> result(static_cast<std::size_t>(count));
  for (float& number : result) {
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    number = static_cast<float>(static_cast<std::int64_t>(seed)) * 0x1p-63F;
  }
  return result;
}

}  // namespace detail
ACCRETE_END_NAMESPACE
