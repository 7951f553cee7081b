/// A substrate for measurements.
#pragma once

#include <string>
#include <vector>

#include <accrete/substrate/substrate.hpp>

namespace bench {

/// A vocabulary without text: the cases measure arithmetic.
[[nodiscard]] inline accrete::Substrate blank_substrate(accrete::Index vocabulary) {
  using namespace accrete;
  std::vector<Token> tokens;
  for (char const* name : {"<pad>", "<s>", "</s>", "<unk>"})
    tokens.push_back({name, TokenKind::special});
  while (static_cast<Index>(tokens.size()) < vocabulary)
    tokens.push_back({"<token_" + std::to_string(tokens.size()) + ">", TokenKind::special});
  return Substrate::from_table(Vocabulary(tokens, {}),
                               std::vector<float>(static_cast<std::size_t>(vocabulary), 1.0F), 1);
}

}  // namespace bench
