/// SHA-256 (FIPS 180-4): what fingerprints and the hashes of checkpoints are made of.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <accrete/core/macros.hpp>
#include <accrete/io/sha256_blocks.hpp>

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

  detail::Sha256State state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                             0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::byte, block_bytes> pending_{};  // the first byte_count_ % 64 bytes are in use
  std::uint64_t byte_count_ = 0;
};

/// Appends two lower-case hexadecimal digits per byte.
inline void append_hex(std::string& text, std::span<std::uint8_t const> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (std::uint8_t const byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
}

[[nodiscard]] inline std::string to_hex(std::span<std::uint8_t const> bytes) {
  std::string text;
  text.reserve(2 * bytes.size());
  append_hex(text, bytes);
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

inline void Sha256::update(std::span<std::byte const> bytes) {
  std::size_t const used = byte_count_ % block_bytes;
  byte_count_ += bytes.size();
  if (used != 0) {
    std::size_t const taken = std::min(bytes.size(), block_bytes - used);
    std::copy_n(bytes.begin(), taken, pending_.begin() + static_cast<std::ptrdiff_t>(used));
    if (used + taken < block_bytes) return;
    detail::absorb_sha256_blocks(state_, pending_.data(), 1);
    bytes = bytes.subspan(taken);
  }
  std::size_t const blocks = bytes.size() / block_bytes;
  detail::absorb_sha256_blocks(state_, bytes.data(), blocks);
  bytes = bytes.subspan(blocks * block_bytes);
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

ACCRETE_END_NAMESPACE
