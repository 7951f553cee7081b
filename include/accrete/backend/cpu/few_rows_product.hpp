/// Products of a few rows, as in decoding: as fast as the other operand comes from memory.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>

#include <accrete/backend/cpu/product_packing.hpp>
#include <accrete/backend/cpu/product_tile.hpp>
#include <accrete/backend/cpu/scratch.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace detail {

/// c = a b for columns of `b` that are contiguous in memory: they are read once, a square of them
/// at a time, and transposed in registers. The sums are those of multiply_tile.
///
/// A square has at most eight columns: of sixteen that stand 4096 bytes apart, each would throw
/// another out of the first cache.
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

  /// The columns that are multiplied now, and those that follow.
  struct Columns {
    std::array<T const*, static_cast<std::size_t>(width)> now, next;
    Columns(Index n, MatrixView<T const> b);
  };

  template <int Rows = rows_at_once>
  static void multiply_rows(Index depth, T const* a, Columns const& columns, MatrixView<T> c,
                            ProductOptions<T> const& options);
  template <int Rows>
  static void add_terms(Index count, Square& columns, T const* a, Packet* sums);

  static Packet load_some(T const* from, Index count) {
    std::array<T, static_cast<std::size_t>(width)> numbers{};
    std::copy_n(from, count, numbers.data());
    return Eigen::internal::ploadu<Packet>(numbers.data());
  }
};

template <class T>
void FewRowsProduct<T>::multiply(MatrixView<T const> a, MatrixView<T const> b, MatrixView<T> c,
                                 ProductOptions<T> const& options) {
  Index const depths = std::max<Index>((a.columns + Tile::depth - 1) / Tile::depth, 1);
  T* const packed = scratch<T, FewRowsProduct>(depths * rows_size);
  for (Index m = 0; m < c.rows; m += rows_at_once) {
    IndexRange const rows{m, std::min<Index>(m + rows_at_once, c.rows)};
    auto const terms = [&](Index d) {
      return IndexRange{d * Tile::depth, std::min((d + 1) * Tile::depth, a.columns)};
    };
    for (Index d = 0; d < depths; ++d)
      pack_matrix(a.block(rows, terms(d)), packed + d * rows_size, Tile::depth);
    for (Index n = 0; n < c.columns; n += width) {
      IndexRange const columns{n, std::min(n + width, c.columns)};
      auto block_options = options.from(n);
      for (Index d = 0; d < depths; ++d) {
        multiply_rows(terms(d).size(), packed + d * rows_size,
                      Columns(n, b.block(terms(d), {0, b.columns})), c.block(rows, columns),
                      block_options);
        block_options = options.after_first_terms();
      }
    }
  }
}

/// The last column stands for those that do not exist.
template <class T>
FewRowsProduct<T>::Columns::Columns(Index n, MatrixView<T const> b) {
  for (std::size_t j = 0; j < now.size(); ++j, ++n) {
    now[j] = b.at(0, std::min(n, b.columns - 1));
    next[j] = b.at(0, std::min(n + width, b.columns - 1));
  }
}

template <class T>
template <int Rows>
void FewRowsProduct<T>::multiply_rows(Index depth, T const* a, Columns const& columns,
                                      MatrixView<T> c, ProductOptions<T> const& options) {
  if constexpr (Rows > 1) {
    if (c.rows < Rows) return multiply_rows<Rows - 1>(depth, a, columns, c, options);
  }
  Packet sums[std::size_t{Rows}];
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r) sums[r] = Eigen::internal::pset1<Packet>(T{0});
  Square square;
  Index k = 0;
  for (; k + width <= depth; k += width) {
#pragma GCC unroll 8
    for (std::size_t j = 0; j < columns.now.size(); ++j) {
      square.packet[j] = Eigen::internal::ploadu<Packet>(columns.now[j] + k);
      __builtin_prefetch(columns.next[j] + k, 0, 2);
    }
    add_terms<Rows>(width, square, a + k, sums);
  }
  if (k < depth) {
    for (std::size_t j = 0; j < columns.now.size(); ++j)
      square.packet[j] = load_some(columns.now[j] + k, depth - k);
    add_terms<Rows>(depth - k, square, a + k, sums);
  }
  for (Index r = 0; r < Rows; ++r) {
    std::array<T, static_cast<std::size_t>(Pack<T>::width)> numbers{};
    Eigen::internal::pstoreu(numbers.data(), sums[r]);
    store_sums(PartialPack<T>{0, c.columns}, Pack<T>::load(numbers.data()), c.at(r, 0), options);
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
