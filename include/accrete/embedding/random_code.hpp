/// Random codes of zeros and ones as the embedding, no two of them equal.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include <accrete/core/random.hpp>
#include <accrete/data/shuffled_order.hpp>
#include <accrete/embedding/frozen_table.hpp>

ACCRETE_BEGIN_NAMESPACE

/// A table (rows, width) of zeros and ones whose rows all differ. Row r is a pure function of
/// (width, seed, r): a larger table begins with the smaller one.
///
/// The first 62 columns, or all, are the bits of place r of a random permutation, the others are
/// drawn one by one. Throws ShapeError unless rows <= 2^width.
[[nodiscard]] inline std::vector<float> random_codes(Index rows, Index width, std::uint64_t seed) {
  constexpr Index most_permuted = 62;
  Index const permuted = std::clamp<Index>(width, 0, most_permuted);
  if (rows < 0 || width < 1 || rows > Index{1} << permuted) {
    throw ShapeError(
        message("random_codes: ", rows, " rows cannot all differ in ", width, " bits"));
  }
  ShuffledOrder const order(Index{1} << permuted, seed, 0);
  RandomStream const stream = Random(seed).stream("random_code");
  std::vector<float> codes;
  codes.reserve(static_cast<std::size_t>(rows * width));
  auto const push_bits = [&](std::uint64_t word, Index count) {
    for (Index bit = 0; bit < count; ++bit) codes.push_back(static_cast<float>(word >> bit & 1));
  };
  Index const drawn = width - permuted;
  for (Index row = 0; row < rows; ++row) {
    push_bits(static_cast<std::uint64_t>(order[row]), permuted);
    for (Index begin = 0; begin < drawn; begin += 32) {
      auto const word = static_cast<std::uint64_t>(row * ((drawn + 31) / 32) + begin / 32);
      push_bits(stream.words(word / 4)[word % 4], std::min<Index>(drawn - begin, 32));
    }
  }
  return codes;
}

/// The token's row of `random_codes`, of any width that divides C and is wide enough for V codes.
template <Index Width, std::uint32_t Seed = 42>
struct RandomCodeEmbedding {
  static constexpr bool dockable = true;

  template <HasEmbedding B>
  class Layer : public FrozenTable<B> {
   public:
    Layer(B const& backend, Substrate const& substrate, Index model_dim)
        : FrozenTable<B>(backend, random_codes(substrate.vocabulary_size(), Width, Seed),
                         substrate.vocabulary_size(), Width) {
      detail::check_expansion("RandomCodeEmbedding", model_dim, Width);
    }
    [[nodiscard]] Json describe() const {
      Json json = this->describe_as("random_code");
      json["seed"] = Json(Seed);
      return json;
    }
  };
};

ACCRETE_END_NAMESPACE
