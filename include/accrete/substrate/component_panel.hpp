/// Rows of bits times components: sums of those components' entries whose bit is set, in an order
/// that keeps what is read in the processor's first cache.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/substrate/bit_matrix.hpp>
#include <accrete/substrate/octet.hpp>
#include <accrete/substrate/pca_basis.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace detail {

/// Which bits are set in each of some rows, piece by piece: all panels of components pass over them,
/// so they are looked for once.
class SetBits {
 public:
  static constexpr Index words_per_piece = 4;

  SetBits(BitMatrix const& bits, Index begin, Index end)
      : pieces_((bits.words_per_row() + words_per_piece - 1) / words_per_piece) {
    for (Index row = begin; row < end; ++row) {
      Index place = 0;
      for (BitMatrix::Word word : bits.row(row)) {
        for (; word != 0; word &= word - 1) {
          bits_.push_back(
              static_cast<std::uint32_t>(place * BitMatrix::word_bits + std::countr_zero(word)));
        }
        if (++place % words_per_piece == 0 || place == bits.words_per_row()) {
          ends_.push_back(bits_.size());
        }
      }
    }
  }

  [[nodiscard]] Index pieces() const { return pieces_; }
  [[nodiscard]] std::span<std::uint32_t const> of(Index row, Index piece) const {
    auto const place = static_cast<std::size_t>(row * pieces_ + piece);
    return std::span(bits_).subspan(ends_[place], ends_[place + 1] - ends_[place]);
  }

 private:
  Index pieces_;
  std::vector<std::uint32_t> bits_;
  std::vector<std::size_t> ends_{0};
};

/// Sixteen components of a basis, bit by bit: entry (b, c) at [16 b + c].
class ComponentPanel {
 public:
  static constexpr Index width = 2 * Octet::size;

  ComponentPanel(PcaBasis const& basis, Index first);

  /// sums[r,c] = y[first + c] of row r, past the last component 0: (rows, 16). The part of the panel
  /// that a piece of a row needs fits into the first cache, where it meets all rows.
  void project(SetBits const& set_bits, std::span<double> sums) const;

 private:
  [[nodiscard]] double const* of_bit(Index bit) const { return entries_.data() + bit * width; }
  void add(std::span<std::uint32_t const> set_bits, double* sums) const;

  std::vector<double> entries_;
  Octet low_mean_ = Octet::zero();
  Octet high_mean_ = Octet::zero();
};

inline ComponentPanel::ComponentPanel(PcaBasis const& basis, Index first)
    : entries_(static_cast<std::size_t>(basis.bit_count * width)) {
  for (Index bit = 0; bit < basis.bit_count; ++bit) {
    auto const from = basis.components.begin() + bit * basis.width + first;
    std::copy_n(from, std::min(width, basis.width - first), entries_.begin() + bit * width);
    Octet const mean = Octet::all(basis.mean[static_cast<std::size_t>(bit)]);
    low_mean_ = low_mean_ + mean * Octet::load(of_bit(bit));
    high_mean_ = high_mean_ + mean * Octet::load(of_bit(bit) + Octet::size);
  }
}

inline void ComponentPanel::add(std::span<std::uint32_t const> set_bits, double* sums) const {
  Octet low = Octet::load(sums);
  Octet high = Octet::load(sums + Octet::size);
  for (std::uint32_t const bit : set_bits) {
    double const* const entries = of_bit(bit);
    low = low + Octet::load(entries);
    high = high + Octet::load(entries + Octet::size);
  }
  low.store(sums);
  high.store(sums + Octet::size);
}

inline void ComponentPanel::project(SetBits const& set_bits, std::span<double> sums) const {
  auto const rows = static_cast<Index>(sums.size()) / width;
  std::fill(sums.begin(), sums.end(), 0.0);
  for (Index piece = 0; piece < set_bits.pieces(); ++piece) {
    for (Index row = 0; row < rows; ++row) {
      add(set_bits.of(row, piece), sums.data() + row * width);
    }
  }
  for (Index row = 0; row < rows; ++row) {
    double* const low = sums.data() + row * width;
    (Octet::load(low) - low_mean_).store(low);
    (Octet::load(low + Octet::size) - high_mean_).store(low + Octet::size);
  }
}

}  // namespace detail
ACCRETE_END_NAMESPACE
