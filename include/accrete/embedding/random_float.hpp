/// Random directions as the embedding.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include <accrete/core/random.hpp>
#include <accrete/embedding/frozen_table.hpp>

ACCRETE_BEGIN_NAMESPACE

/// A table (rows, width) of rows y / |y|, with y[c] = 2 (u1 + u2 + u3 + u4) - 4 * 65535 + 1 for
/// uniform integers u of 16 bits: nearly normal, never 0. Row r is a pure function of (width, seed,
/// r).
///
/// Sums of integers rather than logarithms and cosines, which differ between machines. Throws
/// ShapeError unless 2 <= width <= 2^24: a single number has but two directions.
[[nodiscard]] inline std::vector<float> random_directions(Index rows, Index width,
                                                          std::uint64_t seed) {
  if (rows < 0 || width < 2 || width > Index{1} << 24) {
    throw ShapeError(message("random_directions: expected a width from 2 to 2^24, got ", width));
  }
  RandomStream const stream = Random(seed).stream("random_float");
  std::vector<float> table;
  table.reserve(static_cast<std::size_t>(rows * width));
  std::vector<std::int64_t> y(static_cast<std::size_t>(width));
  for (Index row = 0; row < rows; ++row) {
    std::int64_t squares = 0;  // below 2^24 * 2^37
    for (Index c = 0; c < width; ++c) {
      auto const pair = static_cast<std::uint64_t>(row * width + c);
      auto const words = stream.words(pair / 2);
      std::int64_t sum = 1 - 4 * 65535;
      for (std::size_t i = 2 * (pair % 2); i < 2 * (pair % 2) + 2; ++i) {
        sum += 2 * std::int64_t{(words[i] & 0xFFFF) + (words[i] >> 16)};
      }
      y[static_cast<std::size_t>(c)] = sum;
      squares += sum * sum;
    }
    double const length = std::sqrt(static_cast<double>(squares));
    for (std::int64_t const value : y) {
      table.push_back(static_cast<float>(static_cast<double>(value) / length));
    }
  }
  return table;
}

/// The token's row of `random_directions`, of any width that divides C.
template <Index Width, std::uint32_t Seed = 42>
struct RandomFloatEmbedding {
  static constexpr bool dockable = true;

  template <HasEmbedding B>
  class Layer : public FrozenTable<B> {
   public:
    Layer(B const& backend, Substrate const& substrate, Index model_dim)
        : FrozenTable<B>(backend, random_directions(substrate.vocabulary_size(), Width, Seed),
                         substrate.vocabulary_size(), Width) {
      detail::check_expansion("RandomFloatEmbedding", model_dim, Width);
    }
    [[nodiscard]] Json describe() const {
      Json json = this->describe_as("random_float");
      json["seed"] = Json(Seed);
      return json;
    }
  };
};

ACCRETE_END_NAMESPACE
