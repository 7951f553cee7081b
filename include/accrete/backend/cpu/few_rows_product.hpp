/// Products of a few rows, as in decoding: as fast as the other operand comes from memory.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>
#include <utility>

#include <accrete/backend/cpu/product_packing.hpp>
#include <accrete/backend/cpu/product_tile.hpp>
#include <accrete/backend/cpu/scratch.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace detail {

/// c = a b for columns of `b` that are contiguous in memory: they are read once, a square of them
/// at a time, and transposed in registers. The sums are those of multiply_tile.
///
/// A square has at most eight columns, since of sixteen that stand 4096 bytes apart each would throw
/// another out of the first cache. A sum waits for its last term; so where the rows are few, two
/// squares are summed at once: of other terms where a sum has several parts, else of other columns.
template <class T>
class FewRowsProduct {
 public:
  static constexpr int most_rows = 8;

  /// c = a b for at most `most_rows` rows.
  static void multiply(MatrixView<T const> a, MatrixView<T const> b, MatrixView<T> c,
                       ProductOptions<T> const& options);

 private:
  using Tile = ProductTile<T>;
  using Whole = typename Pack<T>::Packet;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"  // g++: a vector type as template argument
  using Packet = std::conditional_t<(Pack<T>::width > 8),
                                    typename Eigen::internal::unpacket_traits<Whole>::half, Whole>;
  static constexpr Index width = std::min<Index>(Pack<T>::width, 8);
  using Square = Eigen::internal::PacketBlock<Packet, static_cast<int>(width)>;
#pragma GCC diagnostic pop
  static constexpr int rows_at_once = Tile::many_registers ? 8 : 4;
  static constexpr Index rows_size = rows_at_once * Tile::depth;  // of packed rows, for one depth

  /// Columns of b from `column` on, as many as a square has, and their terms from `term` on.
  struct Place {
    Index column;
    Index term;
  };
  template <int Squares>
  using Places = std::array<Place, static_cast<std::size_t>(Squares)>;

  template <int Rows>
  static void multiply_rows(T const* packed, MatrixView<T const> b, MatrixView<T> c,
                            ProductOptions<T> const& options);
  template <int Rows, int Squares, bool Whole>
  static void multiply_squares(Places<Squares> const& places, Index step, T const* packed,
                               MatrixView<T const> b, MatrixView<T> c,
                               ProductOptions<T> const& options);
  template <int Rows>
  static void add_terms(Index count, Square& columns, T const* a, Packet* sums);

  /// So many packs fill a line of the cache; each line is fetched ahead once.
  static constexpr Index parts_of_line =
      std::max<Index>(64 / (width * static_cast<Index>(sizeof(T))), 1);

  /// The columns of a square are reached by few addresses, those of its two halves: g++ would keep
  /// one for each column, on the stack.
  static constexpr Index half = (width + 1) / 2;
  [[gnu::always_inline]] static T const* column_at(T const* first, Index single, Index triple,
                                                   Index j) {
    return j == 3 ? first + triple : first + j * single;
  }

  static Packet load_some(T const* from, Index count) {
    std::array<T, static_cast<std::size_t>(width)> numbers{};
    std::copy_n(from, count, numbers.data());
    return Eigen::internal::ploadu<Packet>(numbers.data());
  }
};

template <class T>
void FewRowsProduct<T>::multiply(MatrixView<T const> a, MatrixView<T const> b, MatrixView<T> c,
                                 ProductOptions<T> const& options) {
  Index const depths = (a.columns + Tile::depth - 1) / Tile::depth;
  T* const packed = scratch<T, FewRowsProduct>(std::max<Index>(depths, 1) * rows_size);
  for (Index m = 0; m < c.rows; m += rows_at_once) {
    IndexRange const rows{m, std::min<Index>(m + rows_at_once, c.rows)};
    for (Index d = 0; d < depths; ++d) {
      IndexRange const terms{d * Tile::depth, std::min((d + 1) * Tile::depth, a.columns)};
      pack_matrix(a.block(rows, terms), packed + d * rows_size, Tile::depth);
    }
    multiply_rows<rows_at_once>(packed, b, c.block(rows, {0, c.columns}), options);
  }
}

template <class T>
template <int Rows>
void FewRowsProduct<T>::multiply_rows(T const* packed, MatrixView<T const> b, MatrixView<T> c,
                                      ProductOptions<T> const& options) {
  if constexpr (Rows > 1) {
    if (c.rows < Rows) return multiply_rows<Rows - 1>(packed, b, c, options);
  }
  constexpr int pair = Rows < 4 ? 2 : 1;
  constexpr Index second = pair - 1;
  bool const has_parts = b.rows >= pair * Tile::depth;
  Index n = 0;
  for (; !has_parts && n + pair * width <= c.columns; n += pair * width)
    for (Index k = 0; k == 0 || k < b.rows; k += Tile::depth) {
      Places<pair> places{Place{n, k}};
      places.back() = {n + second * width, k};
      multiply_squares<Rows, pair, true>(places, pair * width, packed, b, c, options);
    }
  auto const multiply_column = [&]<bool Whole>(std::bool_constant<Whole>) {
    Index k = 0;
    for (; has_parts && k + pair * Tile::depth <= b.rows; k += pair * Tile::depth) {
      Places<pair> places{Place{n, k}};
      places.back() = {n, k + second * Tile::depth};
      multiply_squares<Rows, pair, Whole>(places, width, packed, b, c, options);
    }
    for (; k == 0 || k < b.rows; k += Tile::depth)
      multiply_squares<Rows, 1, Whole>(Places<1>{Place{n, k}}, width, packed, b, c, options);
  };
  for (; n + width <= c.columns; n += width) multiply_column(std::true_type());
  if (n < c.columns) multiply_column(std::false_type());
}

/// Adds the terms of squares that have equally many, and fetches what stands `step` columns further.
/// Unless `Whole`, the last column of b stands for those that do not exist.
template <class T>
template <int Rows, int Squares, bool Whole>
[[gnu::flatten]] void FewRowsProduct<T>::multiply_squares(Places<Squares> const& places, Index step,
                                                          T const* packed, MatrixView<T const> b,
                                                          MatrixView<T> c,
                                                          ProductOptions<T> const& options) {
  // All loops over `sums` are unrolled, so that they stay in registers.
  Packet sums[std::size_t{Squares}][std::size_t{Rows}];
  T const* a[std::size_t{Squares}];
#pragma GCC unroll 8
  for (std::size_t s = 0; s < Squares; ++s) {
    a[s] = packed + places[s].term / Tile::depth * rows_size;
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) sums[s][r] = Eigen::internal::pset1<Packet>(T{0});
  }
  Index const count = std::min(Tile::depth, b.rows - places.back().term);
  Square square;
  Index k = 0;
  if constexpr (Whole) {
    Index const single = b.column_stride, triple = 3 * b.column_stride;
    T const* now[std::size_t{Squares}][2];
    T const* ahead[std::size_t{Squares}][2];
#pragma GCC unroll 8
    for (std::size_t s = 0; s < Squares; ++s) {
#pragma GCC unroll 8
      for (Index h = 0; h < 2; ++h) {
        now[s][h] = b.at(places[s].term, places[s].column + h * half);
        ahead[s][h] = now[s][h] + step * b.column_stride;
      }
    }
    while (k + parts_of_line * width <= count) {
#pragma GCC unroll 8
      for (Index part = 0; part < parts_of_line; ++part, k += width) {
#pragma GCC unroll 8
        for (std::size_t s = 0; s < Squares; ++s) {
#pragma GCC unroll 8
          for (Index j = 0; j < width; ++j) {
            square.packet[j] = Eigen::internal::ploadu<Packet>(
                column_at(now[s][j / half], single, triple, j % half));
            if (j % parts_of_line == part)
              __builtin_prefetch(column_at(ahead[s][j / half], single, triple, j % half), 0, 2);
          }
          add_terms<Rows>(width, square, a[s] + k, sums[s]);
#pragma GCC unroll 8
          for (Index h = 0; h < 2; ++h) {
            now[s][h] += width;
            ahead[s][h] += width;
            asm("" : "+r"(now[s][h]), "+r"(ahead[s][h]));
          }
        }
      }
    }
  }
  for (; k < count; k += width) {
    Index const terms = std::min(width, count - k);
#pragma GCC unroll 8
    for (std::size_t s = 0; s < Squares; ++s) {
      for (Index j = 0; j < width; ++j) {
        Index const column = std::min(places[s].column + j, b.columns - 1);
        square.packet[j] = load_some(b.at(places[s].term + k, column), terms);
      }
      add_terms<Rows>(terms, square, a[s] + k, sums[s]);
    }
  }
#pragma GCC unroll 8
  for (std::size_t s = 0; s < Squares; ++s) {
    Index const n = places[s].column;
    auto const here = (places[s].term == 0 ? options : options.after_first_terms()).from(n);
    PartialPack<T> const at{0, std::min(width, c.columns - n)};
#pragma GCC unroll 8
    for (Index r = 0; r < Rows; ++r) {
      std::array<T, static_cast<std::size_t>(Pack<T>::width)> numbers{};
      Eigen::internal::pstoreu(numbers.data(), sums[s][r]);
      store_sums(at, Pack<T>::load(numbers.data()), c.at(r, n), here);
    }
  }
}

template <class T>
template <int Rows>
inline void FewRowsProduct<T>::add_terms(Index count, Square& columns, T const* a, Packet* sums) {
  Eigen::internal::ptranspose(columns);
#pragma GCC unroll 8
  for (Index i = 0; i < count; ++i) {
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r)
      sums[r] = Eigen::internal::pmadd(
          columns.packet[i], Eigen::internal::pset1<Packet>(a[r * Tile::depth + i]), sums[r]);
  }
}

}  // namespace detail
ACCRETE_END_NAMESPACE
