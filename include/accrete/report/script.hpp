/// Which script a letter or a token belongs to, as far as pictures tell scripts apart by colour.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/text/utf8.hpp>

ACCRETE_BEGIN_NAMESPACE

enum class Script : std::uint8_t {
  latin,
  greek,
  cyrillic,
  armenian,
  hebrew,
  arabic,
  indic,  // Devanagari to Sinhala
  thai,   // and Lao
  georgian,
  hangul,
  kana,
  han,
  other
};

inline constexpr std::size_t script_count = 13;

[[nodiscard]] constexpr std::string_view name_of(Script script) {
  constexpr std::array<std::string_view, script_count> names{
      "Latin",     "Greek",    "Cyrillic", "Armenian", "Hebrew", "Arabic", "scripts of India",
      "Thai, Lao", "Georgian", "Hangul",   "Kana",     "Han",    "other"};
  return names[static_cast<std::size_t>(script)];
}

namespace detail {

struct ScriptRange {
  char32_t first, last;
  Script script;
};

/// Letters: of the first three and of Han alone, without digits, punctuation and combining marks;
/// of the others whole blocks. Sorted.
inline constexpr auto script_ranges = std::to_array<ScriptRange>({
    {U'A', U'Z', Script::latin},        {U'a', U'z', Script::latin},
    {0xAA, 0xAA, Script::latin},        {0xBA, 0xBA, Script::latin},
    {0xC0, 0xD6, Script::latin},        {0xD8, 0xF6, Script::latin},
    {0xF8, 0x2AF, Script::latin},       {0x370, 0x373, Script::greek},
    {0x376, 0x377, Script::greek},      {0x37B, 0x37D, Script::greek},
    {0x37F, 0x37F, Script::greek},      {0x386, 0x386, Script::greek},
    {0x388, 0x3FF, Script::greek},      {0x400, 0x481, Script::cyrillic},
    {0x48A, 0x52F, Script::cyrillic},   {0x531, 0x58A, Script::armenian},
    {0x591, 0x5F4, Script::hebrew},     {0x600, 0x6FF, Script::arabic},
    {0x750, 0x77F, Script::arabic},     {0x8A0, 0x8FF, Script::arabic},
    {0x900, 0xDFF, Script::indic},      {0xE00, 0xEFF, Script::thai},
    {0x10A0, 0x10FF, Script::georgian}, {0x1100, 0x11FF, Script::hangul},
    {0x1C80, 0x1C8A, Script::cyrillic}, {0x1C90, 0x1CBF, Script::georgian},
    {0x1E00, 0x1EFF, Script::latin},    {0x1F00, 0x1FFF, Script::greek},
    {0x2C60, 0x2C7F, Script::latin},    {0x2E80, 0x2FD5, Script::han},
    {0x3005, 0x3007, Script::han},      {0x3021, 0x3029, Script::han},
    {0x3041, 0x30FF, Script::kana},     {0x3131, 0x318E, Script::hangul},
    {0x31F0, 0x31FF, Script::kana},     {0x3400, 0x4DBF, Script::han},
    {0x4E00, 0x9FFF, Script::han},      {0xA640, 0xA66E, Script::cyrillic},
    {0xA680, 0xA69D, Script::cyrillic}, {0xA722, 0xA7FF, Script::latin},
    {0xAB30, 0xAB6F, Script::latin},    {0xAC00, 0xD7A3, Script::hangul},
    {0xF900, 0xFAD9, Script::han},      {0xFB00, 0xFB06, Script::latin},
    {0xFB1D, 0xFB4F, Script::hebrew},   {0xFB50, 0xFDFF, Script::arabic},
    {0xFE70, 0xFEFC, Script::arabic},   {0xFF21, 0xFF3A, Script::latin},
    {0xFF41, 0xFF5A, Script::latin},    {0xFF66, 0xFF9D, Script::kana},
    {0xFFA0, 0xFFDC, Script::hangul},   {0x20000, 0x3FFFD, Script::han},
});

}  // namespace detail

/// `other` for all that is no letter of a script named here.
[[nodiscard]] constexpr Script script_of(char32_t code_point) {
  auto const after = std::upper_bound(
      detail::script_ranges.begin(), detail::script_ranges.end(), code_point,
      [](char32_t c, detail::ScriptRange const& range) { return c < range.first; });
  if (after == detail::script_ranges.begin()) return Script::other;
  auto const& range = *(after - 1);
  return code_point <= range.last ? range.script : Script::other;
}

/// The script that most letters of `text` belong to, of equal ones the first; `other` if it has none.
/// What is no UTF-8 does not count.
[[nodiscard]] inline Script main_script(std::string_view text) {
  std::array<Index, script_count> counts{};
  for (std::size_t i = 0; i < text.size();) {
    Utf8Step const step = decode_code_point(text, i);
    if (step.fault == Utf8Fault::none)
      ++counts[static_cast<std::size_t>(script_of(step.code_point))];
    i += step.length;
  }
  auto const most = std::max_element(counts.begin(), counts.end() - 1);
  return *most == 0 ? Script::other : static_cast<Script>(most - counts.begin());
}

ACCRETE_END_NAMESPACE
