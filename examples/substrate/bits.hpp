/// accrete-substrate bits: pictures of tokens as lines of bits.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "arguments.hpp"
#include "tokens.hpp"

namespace substrate_program {

/// The picture's bits in the recipe's order, four to a hexadecimal digit, the first one highest.
[[nodiscard]] inline std::string hex_bits(Bitmap const& picture, std::vector<Index> const& order) {
  std::string hex;
  for (std::size_t bit = 0; bit < order.size(); bit += 4) {
    unsigned digit = 0;
    for (std::size_t i = bit; i < bit + 4; ++i) {
      bool const set =
          i < order.size() && picture.pixels()[static_cast<std::size_t>(order[i])] >= 128;
      digit = 2 * digit + (set ? 1 : 0);
    }
    hex += "0123456789abcdef"[digit];
  }
  return hex;
}

inline int run_bits(Words const& words) {
  Settings settings;
  std::string recipe_name = "clean";
  std::filesystem::path list;
  Index size = 32;
  options::options_description visible("Options");
  auto add = visible.add_options();
  add("tokens", path_value(list)->required(),
      "file of tokens: code points in hexadecimal, a token a line; a tab ends what is read");
  add("recipe", options::value(&recipe_name)->default_value(recipe_name), "clean, bvv241");
  add("size", options::value(&size)->default_value(size), "of a picture, in pixels");
  settings.add_font(visible);
  settings.add_output(visible);
  if (!parse(words,
             "accrete-substrate bits --tokens FILE [options]\n\n"
             "Prints for each token its code points, a tab, and the bits in hexadecimal.",
             visible))
    return 0;
  settings.check();

  AnyRecipe const recipe(recipe_name, size, settings.missing_glyph());
  Font font(settings.font);
  std::vector<Index> const order = recipe.pixel_order();
  auto const tokens = read_token_list(list);
  Json printed = Json::array();
  std::string lines;
  for (ListedToken const& token : tokens) {
    std::string const bits =
        hex_bits(recipe.picture(font, {accrete::TokenKind::text, token.text}), order);
    if (settings.json) {
      printed.push_back(Json::object({{"code_points", token.column}, {"bits", bits}}));
    } else {
      lines += token.column + '\t' + bits + '\n';
    }
    if (lines.size() > (std::size_t{1} << 20)) {
      print(lines);
      lines.clear();
    }
  }
  if (settings.json) {
    lines = Json::object({{"recipe", recipe.describe()},
                          {"rasterizer", font.describe()},
                          {"tokens", std::move(printed)},
                          {"slowest_glyph", describe(font.slowest())}})
                .dump() +
            "\n";
  }
  print(lines);
  return 0;
}

}  // namespace substrate_program
