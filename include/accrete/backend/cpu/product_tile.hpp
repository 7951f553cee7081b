/// The innermost loop of products: a tile of sums, held in registers while they grow.
///
/// Each sum takes its terms one after the other, as sum = fma(a, b, sum) (a product and a sum, where
/// the machine has no FMA), whatever tile it stands in. Products by tiles of any size, or without
/// tiles, therefore have the same bits.
#pragma once

#include <cstddef>

#include <accrete/backend/cpu/eigen.hpp>
#include <accrete/backend/cpu/matrix_view.hpp>
#include <accrete/backend/cpu/pack.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace detail {

/// c = scale * (a b + bias), or c += where `accumulate` says so; `bias` has an entry per column.
template <class T>
struct ProductOptions {
  T scale = 1;
  T const* bias = nullptr;
  bool accumulate = false;

  /// The same for the columns of c from `column` on.
  [[nodiscard]] constexpr ProductOptions from(Index column) const {
    return {scale, bias == nullptr ? nullptr : bias + column, accumulate};
  }
  /// For the terms of a sum that follow its first.
  [[nodiscard]] constexpr ProductOptions after_first_terms() const {
    return {scale, nullptr, true};
  }
};

/// The tile that fills the registers: rows * packs sums, `packs` packs of one operand, and one
/// number of the other in all places of a pack.
template <class T>
struct ProductTile {
  static constexpr bool many_registers = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS >= 32;
#ifdef EIGEN_HAS_SINGLE_INSTRUCTION_MADD
  static constexpr bool fuses = true;
#else
  static constexpr bool fuses = false;  // a product takes a register before it is added
#endif
  static constexpr int rows = many_registers ? 6 : 4;
  static constexpr int packs = many_registers ? 4 : fuses ? 3 : 2;
  static constexpr Index columns = packs * Pack<T>::width;
  /// A sum of more terms is the sum of sums of this many, so that what a tile reads fits the caches.
  static constexpr Index depth = 256;
};

/// Stores scale * (sums + bias), or adds it to what is there.
template <class T, class Position>
void store_sums(Position at, Pack<T> sums, T* c, ProductOptions<T> const& options) {
  Pack<T> start = options.accumulate ? at.load(c) : Pack<T>(T{0});
  if (options.bias != nullptr)
    start = multiply_add(Pack<T>(options.scale), at.load(options.bias), start);
  at.store(c, multiply_add(Pack<T>(options.scale), sums, start));
}

/// Keeps g++, where it tunes for AMD, from loading the pack anew for each use.
template <class T>
[[nodiscard]] Pack<T> in_register(Pack<T> pack) {
#if defined(__x86_64__)
  asm("" : "+v"(pack.packet));
#endif
  return pack;
}

/// c = a b for one tile. Rows of `a` follow each other at ProductTile::depth, as many as a tile
/// has; of `panel`, which holds `Packs` packs of columns of b for each k, all columns are read. `c`
/// may have fewer rows and columns.
template <int Packs, class T>
void multiply_tile(Index depth, T const* a, T const* panel, MatrixView<T> c,
                   ProductOptions<T> const& options) {
  using Tile = ProductTile<T>;
  constexpr Index width = Pack<T>::width;
  Pack<T> sums[Tile::rows][std::size_t{Packs}];
#pragma GCC unroll 8
  for (int r = 0; r < Tile::rows; ++r) {
#pragma GCC unroll 8
    for (int p = 0; p < Packs; ++p) sums[r][p] = Pack<T>(T{0});
  }
  bool const time_enough_to_prefetch = depth == Tile::depth;
  for (Index r = 0; time_enough_to_prefetch && r < c.rows; ++r)
    for (Index n = 0; n < c.columns; n += width) __builtin_prefetch(c.at(r, n), 1);
  for (Index k = 0; k < depth; ++k) {
    Pack<T> b[std::size_t{Packs}];
#pragma GCC unroll 8
    for (int p = 0; p < Packs; ++p)
      b[p] = in_register(Pack<T>::load(panel + (k * Packs + p) * width));
#pragma GCC unroll 8
    for (int r = 0; r < Tile::rows; ++r) {
      Pack<T> const a_rk(a[r * Tile::depth + k]);
#pragma GCC unroll 8
      for (int p = 0; p < Packs; ++p) sums[r][p] = multiply_add(b[p], a_rk, sums[r][p]);
    }
  }
  if (c.rows == Tile::rows && c.columns == Packs * width) {
#pragma GCC unroll 8
    for (int r = 0; r < Tile::rows; ++r) {
#pragma GCC unroll 8
      for (int p = 0; p < Packs; ++p)
        store_sums(WholePack<T>{p * width}, sums[r][p], c.at(r, 0), options);
    }
  } else {
    T rows[Tile::rows][std::size_t{Packs * width}];
#pragma GCC unroll 8
    for (int r = 0; r < Tile::rows; ++r) {
#pragma GCC unroll 8
      for (int p = 0; p < Packs; ++p) sums[r][p].store(rows[r] + p * width);
    }
    for (Index r = 0; r < c.rows; ++r)
      for_each_pack<T>(c.columns,
                       [&](auto at) { store_sums(at, at.load(rows[r]), c.at(r, 0), options); });
  }
}

}  // namespace detail
ACCRETE_END_NAMESPACE
