/// How often two bits are set in the same row: the integers that a covariance is made of.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/core/thread_pool.hpp>
#include <accrete/substrate/bit_matrix.hpp>

ACCRETE_BEGIN_NAMESPACE

/// at(i, j) is the number of rows with bits i and j both set.
struct CoOccurrence {
  Index rows{};
  Index columns{};
  std::vector<std::int32_t> counts;  // (columns, columns), symmetric

  [[nodiscard]] std::int32_t at(Index i, Index j) const {
    return counts[static_cast<std::size_t>(i * columns + j)];
  }
};

/// Exact.
[[nodiscard]] CoOccurrence co_occurrence(BitMatrix const& bits, ThreadPool& pool);

namespace detail {

/// The transpose of 64 words of 64 bits: bit j of word i goes to bit i of word j.
inline void transpose_block(std::array<BitMatrix::Word, 64>& block) {
  BitMatrix::Word low_half = 0x00000000FFFFFFFF;
  for (unsigned half = 32; half != 0; half >>= 1, low_half ^= low_half << half) {
    for (unsigned i = 0; i < 64; i = (i + half + 1) & ~half) {
      BitMatrix::Word const swapped = (block[i] >> half ^ block[i + half]) & low_half;
      block[i] ^= swapped << half;
      block[i + half] ^= swapped;
    }
  }
}

[[nodiscard]] inline BitMatrix transposed(BitMatrix const& bits, ThreadPool& pool) {
  BitMatrix turned(bits.columns(), bits.rows());
  constexpr Index side = BitMatrix::word_bits;
  pool.parallel_for(bits.words_per_row(), [&](Index column_word) {
    std::array<BitMatrix::Word, 64> block;
    for (Index row_word = 0; row_word < turned.words_per_row(); ++row_word) {
      block.fill(0);
      for (Index i = 0; i < std::min(side, bits.rows() - row_word * side); ++i) {
        block[static_cast<std::size_t>(i)] =
            bits.row(row_word * side + i)[static_cast<std::size_t>(column_word)];
      }
      transpose_block(block);
      for (Index i = 0; i < std::min(side, bits.columns() - column_word * side); ++i) {
        turned.row(column_word * side + i)[static_cast<std::size_t>(row_word)] =
            block[static_cast<std::size_t>(i)];
      }
    }
  });
  return turned;
}

/// Adds three bits in each of 64 places: `ones` and the carries, which are returned.
[[nodiscard]] inline BitMatrix::Word add_bits(BitMatrix::Word& ones, BitMatrix::Word a,
                                              BitMatrix::Word b) {
  BitMatrix::Word const differ = a ^ b;
  BitMatrix::Word const carry = (a & b) | (ones & differ);
  ones ^= differ;
  return carry;
}

/// The number of bits set in both x and y, of `size` words. Carry-save adders put eight words into
/// one population count: processors without that instruction are the default target.
[[nodiscard]] inline std::int32_t count_common(BitMatrix::Word const* x, BitMatrix::Word const* y,
                                               Index size) {
  int count = 0;
  BitMatrix::Word ones = 0;
  BitMatrix::Word twos = 0;
  BitMatrix::Word fours = 0;
  Index i = 0;
  for (; i + 8 <= size; i += 8) {
    auto const both = [&](Index k) { return x[i + k] & y[i + k]; };
    BitMatrix::Word const twos_a = add_bits(ones, both(0), both(1));
    BitMatrix::Word const twos_b = add_bits(ones, both(2), both(3));
    BitMatrix::Word const fours_a = add_bits(twos, twos_a, twos_b);
    BitMatrix::Word const twos_c = add_bits(ones, both(4), both(5));
    BitMatrix::Word const twos_d = add_bits(ones, both(6), both(7));
    BitMatrix::Word const fours_b = add_bits(twos, twos_c, twos_d);
    count += 8 * std::popcount(add_bits(fours, fours_a, fours_b));
  }
  count += 4 * std::popcount(fours) + 2 * std::popcount(twos) + std::popcount(ones);
  for (; i < size; ++i) count += std::popcount(x[i] & y[i]);
  return count;
}

}  // namespace detail

inline CoOccurrence co_occurrence(BitMatrix const& bits, ThreadPool& pool) {
  Index const n = bits.columns();
  BitMatrix const columns = detail::transposed(bits, pool);
  std::vector<std::int32_t> counts(static_cast<std::size_t>(n * n));
  // A tile of columns, cut into pieces of rows, stays in the cache while all others pass by.
  constexpr Index tile = 16;
  constexpr Index piece = 128;
  pool.parallel_for((n + tile - 1) / tile, [&](Index task) {
    Index const begin = task * tile;
    Index const end = std::min(begin + tile, n);
    for (Index word = 0; word < columns.words_per_row(); word += piece) {
      Index const size = std::min(piece, columns.words_per_row() - word);
      for (Index j = begin; j < n; ++j) {
        for (Index i = begin; i < std::min(end, j + 1); ++i) {
          counts[static_cast<std::size_t>(i * n + j)] += detail::count_common(
              columns.row(i).data() + word, columns.row(j).data() + word, size);
        }
      }
    }
  });
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < i; ++j) {
      counts[static_cast<std::size_t>(i * n + j)] = counts[static_cast<std::size_t>(j * n + i)];
    }
  }
  return {bits.rows(), n, std::move(counts)};
}

ACCRETE_END_NAMESPACE
