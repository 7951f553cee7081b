/// Rows of bits, packed into words.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Bit `column` of a row is bit column % 64 of word column / 64. Bits past the last column are 0.
class BitMatrix {
 public:
  using Word = std::uint64_t;
  static constexpr Index word_bits = 64;

  BitMatrix() = default;

  /// All zero. Throws ShapeError unless both are at least 0 and below 2^31.
  BitMatrix(Index rows, Index columns);

  [[nodiscard]] Index rows() const { return rows_; }
  [[nodiscard]] Index columns() const { return columns_; }
  [[nodiscard]] Index words_per_row() const { return words_per_row_; }

  [[nodiscard]] bool at(Index row, Index column) const {
    return (words_[word_at(row, column)] >> (column % word_bits) & 1) != 0;
  }
  void set(Index row, Index column) {
    words_[word_at(row, column)] |= Word{1} << (column % word_bits);
  }

  [[nodiscard]] std::span<Word const> row(Index row) const {
    return std::span(words_).subspan(word_at(row, 0), static_cast<std::size_t>(words_per_row_));
  }
  [[nodiscard]] std::span<Word> row(Index row) {
    return std::span(words_).subspan(word_at(row, 0), static_cast<std::size_t>(words_per_row_));
  }
  [[nodiscard]] std::span<Word const> words() const { return words_; }

  friend bool operator==(BitMatrix const&, BitMatrix const&) = default;

 private:
  [[nodiscard]] std::size_t word_at(Index row, Index column) const {
    return static_cast<std::size_t>(row * words_per_row_ + column / word_bits);
  }

  Index rows_ = 0;
  Index columns_ = 0;
  Index words_per_row_ = 0;
  std::vector<Word> words_;
};

inline BitMatrix::BitMatrix(Index rows, Index columns) : rows_(rows), columns_(columns) {
  constexpr Index limit = Index{1} << 31;
  if (rows < 0 || columns < 0 || rows >= limit || columns >= limit) {
    throw ShapeError(message("BitMatrix: expected sizes from 0 to 2^31 - 1, got ", rows,
                             " rows of ", columns, " bits"));
  }
  words_per_row_ = (columns + word_bits - 1) / word_bits;
  words_.resize(static_cast<std::size_t>(rows * words_per_row_));
}

ACCRETE_END_NAMESPACE
