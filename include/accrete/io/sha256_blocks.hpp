/// The inner loop of SHA-256: whole blocks into the state, by the processor's own instructions where it has them.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include <accrete/core/macros.hpp>

// nvcc's front end does not know all of these intrinsics; what it compiles takes the portable loop.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__CUDACC__)
#define ACCRETE_HAS_SHA_INTRINSICS 1
#include <cpuid.h>
#include <immintrin.h>
#else
#define ACCRETE_HAS_SHA_INTRINSICS 0
#endif

ACCRETE_BEGIN_NAMESPACE
namespace detail {

using Sha256State = std::array<std::uint32_t, 8>;  // a to h of FIPS 180-4

/// Absorbs `count` blocks of 64 bytes each.
inline void absorb_sha256_blocks(Sha256State& state, std::byte const* blocks, std::size_t count);

alignas(16) inline constexpr std::array<std::uint32_t, 64> sha256_constants{
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

inline void absorb_sha256_block_portably(Sha256State& state, std::byte const* block) {
  using Word = std::uint32_t;
  std::array<Word, 64> w;  // the message schedule
  for (std::size_t i = 0; i < 16; ++i) w[i] = load_big_endian(block + 4 * i);
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
         sha256_constants[i] + w[i];
    d += h;
    h += (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) | (c & (a | b)));
  };
  auto const [a0, b0, c0, d0, e0, f0, g0, h0] = state;
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
  state = {a0 + a, b0 + b, c0 + c, d0 + d, e0 + e, f0 + f, g0 + g, h0 + h};
}

#if ACCRETE_HAS_SHA_INTRINSICS
#define ACCRETE_SHA_TARGET __attribute__((target("sha,sse4.1")))

/// Asked of the processor itself: clang 14 does not take "sha" in __builtin_cpu_supports.
[[nodiscard]] inline bool has_sha_instructions() {
  constexpr unsigned sse_4_1 = 1U << 19, ssse_3 = 1U << 9, sha = 1U << 29;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & sse_4_1) == 0 || (c & ssse_3) == 0) return false;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & sha) != 0;
}

/// Four rounds with the words `w` of the schedule; `abef` and `cdgh` are the state as the instructions want it.
ACCRETE_SHA_TARGET inline void four_sha256_rounds(__m128i& abef, __m128i& cdgh, __m128i w,
                                                  std::size_t round) {
  auto const* const constants = reinterpret_cast<__m128i const*>(&sha256_constants[round]);
  __m128i const sum = _mm_add_epi32(w, _mm_load_si128(constants));
  cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
  abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0E));
}

/// The four words of the schedule that follow a, b, c and d; they take the place of a.
ACCRETE_SHA_TARGET inline void next_sha256_words(__m128i& a, __m128i b, __m128i c, __m128i d) {
  __m128i const sum = _mm_add_epi32(_mm_sha256msg1_epu32(a, b), _mm_alignr_epi8(d, c, 4));
  a = _mm_sha256msg2_epu32(sum, d);
}

ACCRETE_SHA_TARGET inline void absorb_sha256_blocks_by_instructions(Sha256State& state,
                                                                    std::byte const* blocks,
                                                                    std::size_t count) {
  __m128i const big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  auto const word = [&state](std::size_t i) { return static_cast<int>(state[i]); };
  __m128i abef = _mm_set_epi32(word(0), word(1), word(4), word(5));
  __m128i cdgh = _mm_set_epi32(word(2), word(3), word(6), word(7));
  for (; count > 0; --count, blocks += 64) {
    auto const* const from = reinterpret_cast<__m128i const*>(blocks);
    __m128i const abef_before = abef, cdgh_before = cdgh;
    __m128i w0 = _mm_shuffle_epi8(_mm_loadu_si128(from), big_endian);
    __m128i w1 = _mm_shuffle_epi8(_mm_loadu_si128(from + 1), big_endian);
    __m128i w2 = _mm_shuffle_epi8(_mm_loadu_si128(from + 2), big_endian);
    __m128i w3 = _mm_shuffle_epi8(_mm_loadu_si128(from + 3), big_endian);
    for (std::size_t round = 0; round < 48; round += 16) {
      four_sha256_rounds(abef, cdgh, w0, round);
      next_sha256_words(w0, w1, w2, w3);
      four_sha256_rounds(abef, cdgh, w1, round + 4);
      next_sha256_words(w1, w2, w3, w0);
      four_sha256_rounds(abef, cdgh, w2, round + 8);
      next_sha256_words(w2, w3, w0, w1);
      four_sha256_rounds(abef, cdgh, w3, round + 12);
      next_sha256_words(w3, w0, w1, w2);
    }
    four_sha256_rounds(abef, cdgh, w0, 48);
    four_sha256_rounds(abef, cdgh, w1, 52);
    four_sha256_rounds(abef, cdgh, w2, 56);
    four_sha256_rounds(abef, cdgh, w3, 60);
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  alignas(16) std::array<std::uint32_t, 4> feba{}, hgdc{};
  _mm_store_si128(reinterpret_cast<__m128i*>(feba.data()), abef);
  _mm_store_si128(reinterpret_cast<__m128i*>(hgdc.data()), cdgh);
  state = {feba[3], feba[2], hgdc[3], hgdc[2], feba[1], feba[0], hgdc[1], hgdc[0]};
}
#undef ACCRETE_SHA_TARGET
#endif

inline void absorb_sha256_blocks(Sha256State& state, std::byte const* blocks, std::size_t count) {
#if ACCRETE_HAS_SHA_INTRINSICS
  static bool const by_instructions = has_sha_instructions();
  if (by_instructions) return absorb_sha256_blocks_by_instructions(state, blocks, count);
#endif
  for (; count > 0; --count, blocks += 64) absorb_sha256_block_portably(state, blocks);
}

}  // namespace detail
ACCRETE_END_NAMESPACE
