/// An order of n things that takes no memory: place i of the order is a pure function of (n, seed,
/// epoch, i).
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/core/random.hpp>

ACCRETE_BEGIN_NAMESPACE

/// A permutation of [0, size): a Feistel network of `rounds` rounds over the smallest square of a
/// power of two that holds them, 256 at least, whose results beyond `size` are fed back until one is
/// inside. Above 64 things that takes at most 4 tries on average. Philox makes the rounds.
class ShuffledOrder {
 public:
  ShuffledOrder(Index size, std::uint64_t seed, std::uint64_t epoch)
      : size_(static_cast<std::uint64_t>(size)),
        half_bits_(std::max(4, static_cast<int>(std::bit_width(size_ - 1) + 1) / 2)),
        seed_(seed),
        epoch_(epoch) {}

  /// The thing at place `i`; 0 <= i < size.
  [[nodiscard]] Index operator[](Index i) const {
    ACCRETE_ASSERT(i >= 0 && static_cast<std::uint64_t>(i) < size_);
    auto value = static_cast<std::uint64_t>(i);
    do value = encrypt(value);
    while (value >= size_);
    return static_cast<Index>(value);
  }

 private:
  static constexpr std::uint32_t rounds = 6;

  [[nodiscard]] std::uint64_t encrypt(std::uint64_t value) const;

  std::uint64_t size_;
  int half_bits_;
  std::uint64_t seed_;
  std::uint64_t epoch_;
};

inline std::uint64_t ShuffledOrder::encrypt(std::uint64_t value) const {
  std::uint64_t const mask = (std::uint64_t{1} << half_bits_) - 1;
  std::uint64_t left = value >> half_bits_;
  std::uint64_t right = value & mask;
  for (std::uint32_t round = 0; round < rounds; ++round) {
    std::uint32_t const noise =
        philox({static_cast<std::uint32_t>(right), round, static_cast<std::uint32_t>(epoch_),
                static_cast<std::uint32_t>(epoch_ >> 32)},
               seed_)[0];
    left = std::exchange(right, left ^ (noise & mask));
  }
  return left << half_bits_ | right;
}

ACCRETE_END_NAMESPACE
