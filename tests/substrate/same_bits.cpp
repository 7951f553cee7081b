/// Prints the fingerprints of two small substrates: every build of this program has to print the same.
#include <cstdio>
#include <string>
#include <vector>

#include <accrete/substrate/glyph/bvv241_recipe.hpp>
#include <accrete/substrate/glyph/clean_recipe.hpp>
#include <accrete/substrate/glyph_substrate.hpp>

#include "hand_made_font.hpp"

int main() {
  std::vector<accrete::Token> tokens{{"<pad>", accrete::TokenKind::special}};
  std::vector<std::string> const letters{"a", "b", "c", "d", "p",
                                         "s", ".", "<", " ", "\xE4\xB8\x80"};
  for (std::string const& first : letters) {
    tokens.push_back({first});
    for (std::string const& second : letters) tokens.push_back({first + second});
  }
  accrete::Vocabulary const vocabulary(tokens, {});
  auto const font = accrete_test::hand_made_font();
  accrete::Bvv241Recipe const published(32);
  accrete::CleanRecipe const clean{.cell_size = 16};
  for (auto const& substrate : {build_glyph_substrate(vocabulary, font, published, 100),
                                build_glyph_substrate(vocabulary, font, clean, 256)}) {
    std::printf("%s\n", substrate.fingerprint().c_str());
  }
}
