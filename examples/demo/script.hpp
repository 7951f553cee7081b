/// Which script a character belongs to: the four kinds that the demo tells apart.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include <accrete/core/index.hpp>
#include <accrete/report/script.hpp>
#include <accrete/text/utf8.hpp>

namespace demo {

using accrete::Index;

enum class Script : std::uint8_t { latin, cyrillic, han, other };

[[nodiscard]] constexpr std::string_view name_of(Script script) {
  constexpr std::array<std::string_view, 4> names{"Latin", "Cyrillic", "Han", "other"};
  return names[static_cast<std::size_t>(script)];
}

/// The script of a letter; `other` for all that is no letter of the three.
[[nodiscard]] constexpr Script script_of(char32_t code_point) {
  switch (accrete::script_of(code_point)) {
    case accrete::Script::latin:
      return Script::latin;
    case accrete::Script::cyrillic:
      return Script::cyrillic;
    case accrete::Script::han:
      return Script::han;
    default:
      return Script::other;
  }
}

/// The share of letters of `script` among the characters of a UTF-8 text that are not spaces; 0 if there are none.
[[nodiscard]] inline double letter_share(std::string_view text, Script script) {
  Index letters = 0, characters = 0;
  for (accrete::CodePointCursor cursor(text); !cursor.done();) {
    char32_t const code_point = cursor.next();
    if (code_point <= U' ' || code_point == 0x3000) continue;
    ++characters;
    letters += script_of(code_point) == script;
  }
  return characters == 0 ? 0 : static_cast<double>(letters) / static_cast<double>(characters);
}

/// The script that most letters of `text` belong to; `other` if it has none.
[[nodiscard]] inline Script main_script(std::string_view text) {
  std::array<Index, 4> counts{};
  for (std::size_t i = 0; i < text.size();) {
    accrete::Utf8Step const step = accrete::decode_code_point(text, i);
    if (step.fault == accrete::Utf8Fault::none)
      ++counts[static_cast<std::size_t>(script_of(step.code_point))];
    i += step.length;
  }
  auto const most = std::max_element(counts.begin(), counts.end() - 1);
  return *most == 0 ? Script::other : static_cast<Script>(most - counts.begin());
}

}  // namespace demo
