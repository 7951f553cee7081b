/// A substrate that extends another one by random rows.
#pragma once

#include <string>
#include <vector>

#include <accrete/core/random.hpp>
#include <accrete/substrate/extension.hpp>

namespace accrete_test {

/// `count` more tokens; `seed` changes their names and rows.
[[nodiscard]] inline accrete::Substrate extended(accrete::Substrate const& substrate,
                                                 accrete::Index count, std::uint64_t seed = 1) {
  std::vector<accrete::Token> tokens;
  std::vector<float> rows;
  accrete::RandomStream const stream(seed, 9);
  for (accrete::Index i = 0; i < count; ++i) {
    tokens.push_back({accrete::message("<added_", seed, "_", substrate.vocabulary_size() + i, ">"),
                      accrete::TokenKind::special});
    for (accrete::Index c = 0; c < substrate.width(); ++c)
      rows.push_back(static_cast<float>(
          stream.uniform(static_cast<std::uint64_t>(i * substrate.width() + c))));
  }
  return accrete::extend_substrate(substrate, tokens, rows);
}

}  // namespace accrete_test
