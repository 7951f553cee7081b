/// SHA-256 (FIPS 180-4): what fingerprints and the hashes of checkpoints are made of.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Takes bytes in pieces of any size; the digest depends on their concatenation alone.
class Sha256 {
 public:
  using Digest = std::array<std::uint8_t, 32>;

  void update(std::span<std::byte const> bytes);
  void update(std::string_view bytes) { update(std::as_bytes(std::span(bytes))); }

  /// The digest of everything so far; more bytes may follow.
  [[nodiscard]] Digest digest() const;

 private:
  static constexpr std::size_t block_bytes = 64;

  void absorb(std::byte const* block);

  std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::byte, block_bytes> pending_{};  // the first byte_count_ % 64 bytes are in use
  std::uint64_t byte_count_ = 0;
};

/// Two lower-case hexadecimal digits per byte.
[[nodiscard]] inline std::string to_hex(std::span<std::uint8_t const> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (std::uint8_t const byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

/// The digest of `bytes` as 64 lower-case hexadecimal digits.
[[nodiscard]] inline std::string sha256_hex(std::span<std::byte const> bytes) {
  Sha256 hash;
  hash.update(bytes);
  return to_hex(hash.digest());
}

[[nodiscard]] inline std::string sha256_hex(std::string_view bytes) {
  return sha256_hex(std::as_bytes(std::span(bytes)));
}

namespace detail {

inline constexpr std::array<std::uint32_t, 64> sha256_constants{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

[[nodiscard]] inline std::uint32_t load_big_endian(std::byte const* from) {
  auto const byte = [from](int i) { return std::to_integer<std::uint32_t>(from[i]); };
  return byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
}

}  // namespace detail

inline void Sha256::update(std::span<std::byte const> bytes) {
  std::size_t const used = byte_count_ % block_bytes;
  byte_count_ += bytes.size();
  if (used != 0) {
    std::size_t const taken = std::min(bytes.size(), block_bytes - used);
    std::copy_n(bytes.begin(), taken, pending_.begin() + static_cast<std::ptrdiff_t>(used));
    if (used + taken < block_bytes) return;
    absorb(pending_.data());
    bytes = bytes.subspan(taken);
  }
  for (; bytes.size() >= block_bytes; bytes = bytes.subspan(block_bytes)) absorb(bytes.data());
  std::copy(bytes.begin(), bytes.end(), pending_.begin());
}

inline Sha256::Digest Sha256::digest() const {
  // The padding: a one bit, zeros up to 8 bytes before a block's end, the length in bits.
  Sha256 padded = *this;
  std::size_t const used = byte_count_ % block_bytes;
  std::array<std::byte, block_bytes + 8> padding{std::byte{0x80}};
  std::size_t const zeros_end = (used < block_bytes - 8 ? block_bytes : 2 * block_bytes) - 8 - used;
  for (std::size_t i = 0; i < 8; ++i) {
    padding[zeros_end + i] = static_cast<std::byte>(byte_count_ * 8 >> (56 - 8 * i));
  }
  padded.update(std::span(padding).first(zeros_end + 8));

  Digest digest{};
  for (std::size_t i = 0; i < digest.size(); ++i) {
    digest[i] = static_cast<std::uint8_t>(padded.state_[i / 4] >> (24 - 8 * (i % 4)));
  }
  return digest;
}

inline void Sha256::absorb(std::byte const* block) {
  using Word = std::uint32_t;
  std::array<Word, 64> w;  // the message schedule
  for (std::size_t i = 0; i < 16; ++i) w[i] = detail::load_big_endian(block + 4 * i);
  for (std::size_t i = 16; i < 64; ++i) {
    Word const s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
    Word const s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }

  // One round puts its two new words into d and h. Instead of moving all eight words along, the next
  // round names them rotated by one.
  auto const round = [&w](std::size_t i, Word a, Word b, Word c, Word& d, Word e, Word f, Word g,
                          Word& h) {
    h += (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) + (g ^ (e & (f ^ g))) +
         detail::sha256_constants[i] + w[i];
    d += h;
    h += (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) | (c & (a | b)));
  };
  auto const [a0, b0, c0, d0, e0, f0, g0, h0] = state_;
  Word a = a0, b = b0, c = c0, d = d0, e = e0, f = f0, g = g0, h = h0;
  for (std::size_t i = 0; i < 64; i += 8) {
    round(i + 0, a, b, c, d, e, f, g, h);
    round(i + 1, h, a, b, c, d, e, f, g);
    round(i + 2, g, h, a, b, c, d, e, f);
    round(i + 3, f, g, h, a, b, c, d, e);
    round(i + 4, e, f, g, h, a, b, c, d);
    round(i + 5, d, e, f, g, h, a, b, c);
    round(i + 6, c, d, e, f, g, h, a, b);
    round(i + 7, b, c, d, e, f, g, h, a);
  }
  state_ = {a0 + a, b0 + b, c0 + c, d0 + d, e0 + e, f0 + f, g0 + g, h0 + h};
}

ACCRETE_END_NAMESPACE
