/// Counter-based random numbers: value i of a stream is a pure function of (seed, stream, i), so
/// that every backend, thread count and order of evaluation draws the same numbers.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string_view>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a 128-bit counter becomes 128
/// random bits, by a 64-bit key.
ACCRETE_HOST_DEVICE constexpr void philox(std::uint32_t (&counter)[4], std::uint64_t key) {
  auto low = static_cast<std::uint32_t>(key);
  auto high = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    std::uint64_t const a = std::uint64_t{0xD2511F53} * counter[0];
    std::uint64_t const b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter[0] = static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ low;
    counter[1] = static_cast<std::uint32_t>(b);
    counter[2] = static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ high;
    counter[3] = static_cast<std::uint32_t>(a);
    low += 0x9E3779B9;
    high += 0xBB67AE85;
  }
}

[[nodiscard]] constexpr std::array<std::uint32_t, 4> philox(
    std::array<std::uint32_t, 4> const& counter, std::uint64_t key) {
  std::uint32_t words[4] = {counter[0], counter[1], counter[2], counter[3]};
  philox(words, key);
  return {words[0], words[1], words[2], words[3]};
}

/// The first word of block `block` of a stream: what RandomStream(seed, stream).words(block)[0] is, for kernels, too.
[[nodiscard]] ACCRETE_HOST_DEVICE constexpr std::uint32_t random_word(std::uint64_t seed,
                                                                      std::uint64_t stream,
                                                                      std::uint64_t block) {
  std::uint32_t words[4] = {
      static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32),
      static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32)};
  philox(words, seed);
  return words[0];
}

/// FNV-1a of a name, which gives each named stream a place of its own.
[[nodiscard]] constexpr std::uint64_t hash_of_name(std::string_view name) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (char letter : name) hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001B3;
  return hash;
}

/// One stream of numbers; `at` positions may be read in any order.
class RandomStream {
 public:
  constexpr RandomStream(std::uint64_t seed, std::uint64_t stream) : seed_(seed), stream_(stream) {}

  /// Four independent 32-bit words of block `block`.
  [[nodiscard]] constexpr std::array<std::uint32_t, 4> words(std::uint64_t block) const {
    return philox({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32),
                   static_cast<std::uint32_t>(stream_), static_cast<std::uint32_t>(stream_ >> 32)},
                  seed_);
  }

  /// Uniform on [0, 1) with 53 bits.
  [[nodiscard]] constexpr double uniform(std::uint64_t position) const {
    auto const word = words(position);
    return static_cast<double>((std::uint64_t{word[0]} << 21) ^ (word[1] >> 11)) * 0x1p-53;
  }

  /// Four standard normal values of block `block` (Box and Muller): value 4 * block + i is entry i.
  [[nodiscard]] std::array<double, 4> normals(std::uint64_t block) const {
    auto const word = words(block);
    std::array<double, 4> result{};
    for (std::size_t pair = 0; pair < 2; ++pair) {
      double const u = (static_cast<double>(word[2 * pair]) + 0.5) * 0x1p-32;
      double const angle = static_cast<double>(word[2 * pair + 1]) * 0x1p-32 * 2 * std::numbers::pi;
      double const radius = std::sqrt(-2 * std::log(u));
      result[2 * pair] = radius * std::cos(angle);
      result[2 * pair + 1] = radius * std::sin(angle);
    }
    return result;
  }

 private:
  std::uint64_t seed_;
  std::uint64_t stream_;
};

/// A seed from which named streams are taken.
class Random {
 public:
  constexpr explicit Random(std::uint64_t seed) : seed_(seed) {}
  [[nodiscard]] constexpr RandomStream stream(std::string_view name) const {
    return {seed_, hash_of_name(name)};
  }
  [[nodiscard]] constexpr std::uint64_t seed() const { return seed_; }

 private:
  std::uint64_t seed_;
};

ACCRETE_END_NAMESPACE
