/// Products of a few rows, as in decoding: as fast as the other operand comes from memory.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>

#include <accrete/backend/cpu/product_tile.hpp>

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
  static constexpr int most_rows = 4;

  /// Rows of `a` follow each other at ProductTile::depth; c.rows <= most_rows.
  static void multiply(Index depth, T const* a, MatrixView<T const> b, MatrixView<T> c,
                       ProductOptions<T> const& options) {
    switch (c.rows) {
      case 1:
        return multiply_rows<1>(depth, a, b, c, options);
      case 2:
        return multiply_rows<2>(depth, a, b, c, options);
      case 3:
        return multiply_rows<3>(depth, a, b, c, options);
      case 4:
        return multiply_rows<4>(depth, a, b, c, options);
    }
  }

 private:
  using Whole = typename Pack<T>::Packet;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"  // g++: a vector type as template argument
  using Packet = std::conditional_t<(Pack<T>::width > 8),
                                    typename Eigen::internal::unpacket_traits<Whole>::half, Whole>;
  static constexpr Index width = std::min<Index>(Pack<T>::width, 8);
  using Square = Eigen::internal::PacketBlock<Packet, static_cast<int>(width)>;
#pragma GCC diagnostic pop
  using Columns = std::array<T const*, static_cast<std::size_t>(width)>;

  template <int Rows>
  static void multiply_rows(Index depth, T const* a, MatrixView<T const> b, MatrixView<T> c,
                            ProductOptions<T> const& options);
  template <int Rows>
  static void add_terms(Index count, Square const& b, T const* a, Packet* sums);

  /// The columns from n on; the last one stands for those that do not exist.
  static Columns columns_from(Index n, MatrixView<T const> b) {
    Columns columns;
    for (Index j = 0; j < width; ++j)
      columns[static_cast<std::size_t>(j)] = b.at(0, std::min(n + j, b.columns - 1));
    return columns;
  }
  static Packet load_some(T const* from, Index count) {
    std::array<T, static_cast<std::size_t>(width)> numbers{};
    std::copy_n(from, count, numbers.data());
    return Eigen::internal::ploadu<Packet>(numbers.data());
  }
};

template <class T>
template <int Rows>
void FewRowsProduct<T>::multiply_rows(Index depth, T const* a, MatrixView<T const> b,
                                      MatrixView<T> c, ProductOptions<T> const& options) {
  for (Index n = 0; n < c.columns; n += width) {
    Columns const columns = columns_from(n, b), next_columns = columns_from(n + width, b);
    Packet sums[std::size_t{Rows}];
#pragma GCC unroll 4
    for (int r = 0; r < Rows; ++r) sums[r] = Eigen::internal::pset1<Packet>(T{0});
    Square square;
    Index k = 0;
    for (; k + width <= depth; k += width) {
#pragma GCC unroll 8
      for (std::size_t j = 0; j < columns.size(); ++j) {
        square.packet[j] = Eigen::internal::ploadu<Packet>(columns[j] + k);
        __builtin_prefetch(next_columns[j] + k, 0, 2);
      }
      Eigen::internal::ptranspose(square);
      add_terms<Rows>(width, square, a + k, sums);
    }
    if (k < depth) {
      for (std::size_t j = 0; j < columns.size(); ++j)
        square.packet[j] = load_some(columns[j] + k, depth - k);
      Eigen::internal::ptranspose(square);
      add_terms<Rows>(depth - k, square, a + k, sums);
    }
    for (Index r = 0; r < Rows; ++r) {
      std::array<T, static_cast<std::size_t>(Pack<T>::width)> numbers{};
      Eigen::internal::pstoreu(numbers.data(), sums[r]);
      store_sums(PartialPack<T>{n, std::min(width, c.columns - n)}, Pack<T>::load(numbers.data()),
                 c.at(r, 0), options);
    }
  }
}

template <class T>
template <int Rows>
inline void FewRowsProduct<T>::add_terms(Index count, Square const& b, T const* a, Packet* sums) {
#pragma GCC unroll 8
  for (Index i = 0; i < count; ++i) {
#pragma GCC unroll 4
    for (int r = 0; r < Rows; ++r)
      sums[r] = Eigen::internal::pmadd(
          b.packet[i], Eigen::internal::pset1<Packet>(a[r * ProductTile<T>::depth + i]), sums[r]);
  }
}

}  // namespace detail
ACCRETE_END_NAMESPACE
