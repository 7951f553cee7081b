/// Which script a character belongs to: the four kinds that the demo tells apart.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include <accrete/core/index.hpp>
#include <accrete/text/utf8.hpp>

namespace demo {

using accrete::Index;

enum class Script : std::uint8_t { latin, cyrillic, han, other };

[[nodiscard]] constexpr std::string_view name_of(Script script) {
  constexpr std::array<std::string_view, 4> names{"Latin", "Cyrillic", "Han", "other"};
  return names[static_cast<std::size_t>(script)];
}

namespace detail {

struct CodePointRange {
  char32_t first, last;
  Script script;
};

/// Letters alone: no digits, no punctuation, no combining marks. Sorted.
inline constexpr auto letter_ranges = std::to_array<CodePointRange>({
    {U'A', U'Z', Script::latin},        {U'a', U'z', Script::latin},
    {0xAA, 0xAA, Script::latin},        {0xBA, 0xBA, Script::latin},
    {0xC0, 0xD6, Script::latin},        {0xD8, 0xF6, Script::latin},
    {0xF8, 0x2AF, Script::latin},       {0x400, 0x481, Script::cyrillic},
    {0x48A, 0x52F, Script::cyrillic},   {0x1C80, 0x1C8A, Script::cyrillic},
    {0x1E00, 0x1EFF, Script::latin},    {0x2C60, 0x2C7F, Script::latin},
    {0x2E80, 0x2FD5, Script::han},      {0x3005, 0x3007, Script::han},
    {0x3021, 0x3029, Script::han},      {0x3400, 0x4DBF, Script::han},
    {0x4E00, 0x9FFF, Script::han},      {0xA640, 0xA66E, Script::cyrillic},
    {0xA680, 0xA69D, Script::cyrillic}, {0xA722, 0xA7FF, Script::latin},
    {0xAB30, 0xAB6F, Script::latin},    {0xF900, 0xFAD9, Script::han},
    {0xFB00, 0xFB06, Script::latin},    {0xFF21, 0xFF3A, Script::latin},
    {0xFF41, 0xFF5A, Script::latin},    {0x20000, 0x3FFFD, Script::han},
});

}  // namespace detail

/// The script of a letter; `other` for all that is no letter of the three.
[[nodiscard]] constexpr Script script_of(char32_t code_point) {
  auto const after = std::upper_bound(
      detail::letter_ranges.begin(), detail::letter_ranges.end(), code_point,
      [](char32_t c, detail::CodePointRange const& range) { return c < range.first; });
  if (after == detail::letter_ranges.begin()) return Script::other;
  auto const& range = *(after - 1);
  return code_point <= range.last ? range.script : Script::other;
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
