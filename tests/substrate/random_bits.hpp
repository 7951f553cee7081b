/// Rows of bits that are the same in every run.
#pragma once

#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

#include <accrete/substrate/bit_matrix.hpp>

namespace accrete_test {

/// Bit c is set with probability (1 + c % 7) / 8, and a copy of bit c - 1 where c % 5 is 4.
[[nodiscard]] inline accrete::BitMatrix random_bits(accrete::Index rows, accrete::Index columns,
                                                    std::uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  accrete::BitMatrix bits(rows, columns);
  for (accrete::Index r = 0; r < rows; ++r) {
    for (accrete::Index c = 0; c < columns; ++c) {
      bool const drawn = random() % 8 <= static_cast<std::uint64_t>(c % 7);
      if (c % 5 == 4 ? bits.at(r, c - 1) : drawn) bits.set(r, c);
    }
  }
  return bits;
}

/// A row per text of zeros and ones.
[[nodiscard]] inline accrete::BitMatrix bits_of(std::vector<std::string_view> const& rows) {
  accrete::BitMatrix bits(static_cast<accrete::Index>(rows.size()),
                          static_cast<accrete::Index>(rows.at(0).size()));
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t c = 0; c < rows[r].size(); ++c) {
      if (rows[r][c] == '1')
        bits.set(static_cast<accrete::Index>(r), static_cast<accrete::Index>(c));
    }
  }
  return bits;
}

}  // namespace accrete_test
