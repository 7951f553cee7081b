/// Character references of HTML: "&amp;", "&#1103;", "&#x4E2D;".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <accrete/text/utf8.hpp>

namespace demo {

/// What a reference stands for, and how many bytes it takes.
struct HtmlEntity {
  char32_t code_point;
  std::size_t length;
};

/// The reference at the front of `text`, which begins with '&'; nothing if it is none, then the '&' is meant as it
/// stands. Named references are the common ones, with their semicolon. Numbers that are no character, and those of
/// the C1 controls, are read as browsers read them: U+FFFD, and Windows' characters.
[[nodiscard]] std::optional<HtmlEntity> decode_html_entity(std::string_view text);

namespace detail {

struct NamedEntity {
  std::string_view name;
  char32_t code_point;
};

inline constexpr auto named_entities = std::to_array<NamedEntity>({
    {"amp", U'&'},      {"lt", U'<'},       {"gt", U'>'},       {"quot", U'"'},
    {"apos", U'\''},    {"nbsp", 0xA0},     {"iexcl", 0xA1},    {"cent", 0xA2},
    {"pound", 0xA3},    {"yen", 0xA5},      {"sect", 0xA7},     {"copy", 0xA9},
    {"laquo", 0xAB},    {"shy", 0xAD},      {"reg", 0xAE},      {"deg", 0xB0},
    {"plusmn", 0xB1},   {"sup2", 0xB2},     {"sup3", 0xB3},     {"acute", 0xB4},
    {"micro", 0xB5},    {"para", 0xB6},     {"middot", 0xB7},   {"raquo", 0xBB},
    {"frac14", 0xBC},   {"frac12", 0xBD},   {"frac34", 0xBE},   {"iquest", 0xBF},
    {"Agrave", 0xC0},   {"Aacute", 0xC1},   {"Auml", 0xC4},     {"Ccedil", 0xC7},
    {"Egrave", 0xC8},   {"Eacute", 0xC9},   {"Ntilde", 0xD1},   {"Ouml", 0xD6},
    {"times", 0xD7},    {"Uuml", 0xDC},     {"szlig", 0xDF},    {"agrave", 0xE0},
    {"aacute", 0xE1},   {"acirc", 0xE2},    {"atilde", 0xE3},   {"auml", 0xE4},
    {"aring", 0xE5},    {"aelig", 0xE6},    {"ccedil", 0xE7},   {"egrave", 0xE8},
    {"eacute", 0xE9},   {"ecirc", 0xEA},    {"euml", 0xEB},     {"igrave", 0xEC},
    {"iacute", 0xED},   {"icirc", 0xEE},    {"iuml", 0xEF},     {"ntilde", 0xF1},
    {"ograve", 0xF2},   {"oacute", 0xF3},   {"ocirc", 0xF4},    {"otilde", 0xF5},
    {"ouml", 0xF6},     {"divide", 0xF7},   {"oslash", 0xF8},   {"ugrave", 0xF9},
    {"uacute", 0xFA},   {"ucirc", 0xFB},    {"uuml", 0xFC},     {"yuml", 0xFF},
    {"oelig", 0x153},   {"Alpha", 0x391},   {"Beta", 0x392},    {"Gamma", 0x393},
    {"Delta", 0x394},   {"Sigma", 0x3A3},   {"Omega", 0x3A9},   {"alpha", 0x3B1},
    {"beta", 0x3B2},    {"gamma", 0x3B3},   {"delta", 0x3B4},   {"epsilon", 0x3B5},
    {"lambda", 0x3BB},  {"mu", 0x3BC},      {"pi", 0x3C0},      {"sigma", 0x3C3},
    {"phi", 0x3C6},     {"omega", 0x3C9},   {"ensp", 0x2002},   {"emsp", 0x2003},
    {"thinsp", 0x2009}, {"zwnj", 0x200C},   {"zwj", 0x200D},    {"lrm", 0x200E},
    {"rlm", 0x200F},    {"ndash", 0x2013},  {"mdash", 0x2014},  {"lsquo", 0x2018},
    {"rsquo", 0x2019},  {"sbquo", 0x201A},  {"ldquo", 0x201C},  {"rdquo", 0x201D},
    {"bdquo", 0x201E},  {"dagger", 0x2020}, {"bull", 0x2022},   {"hellip", 0x2026},
    {"permil", 0x2030}, {"prime", 0x2032},  {"lsaquo", 0x2039}, {"rsaquo", 0x203A},
    {"euro", 0x20AC},   {"trade", 0x2122},  {"larr", 0x2190},   {"uarr", 0x2191},
    {"rarr", 0x2192},   {"darr", 0x2193},   {"harr", 0x2194},   {"minus", 0x2212},
    {"radic", 0x221A},  {"infin", 0x221E},  {"asymp", 0x2248},  {"ne", 0x2260},
    {"le", 0x2264},     {"ge", 0x2265},
});

/// What Windows-1252 has where ISO 8859-1 has the controls 80..9F.
inline constexpr std::array<char16_t, 32> windows_characters{
    0x20AC, 0xFFFD, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0xFFFD, 0x017D, 0xFFFD, 0xFFFD, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0xFFFD, 0x017E, 0x0178};

[[nodiscard]] constexpr char32_t character_of_number(std::uint32_t number) {
  if (number >= 0x80 && number < 0xA0) return windows_characters[number - 0x80];
  bool const surrogate = number >= 0xD800 && number < 0xE000;
  return number == 0 || surrogate || number > accrete::max_code_point
             ? accrete::replacement_character
             : number;
}

/// `text` begins with "&#".
[[nodiscard]] constexpr std::optional<HtmlEntity> decode_numeric_entity(std::string_view text) {
  bool const hexadecimal = text.size() > 2 && (text[2] == 'x' || text[2] == 'X');
  std::uint32_t const base = hexadecimal ? 16 : 10;
  std::size_t const first = hexadecimal ? 3 : 2;
  std::size_t i = first;
  std::uint32_t number = 0;
  for (; i < text.size(); ++i) {
    char const c = text[i];
    std::uint32_t digit = 16;
    if (c >= '0' && c <= '9') digit = static_cast<std::uint32_t>(c - '0');
    if (c >= 'a' && c <= 'f') digit = static_cast<std::uint32_t>(c - 'a') + 10;
    if (c >= 'A' && c <= 'F') digit = static_cast<std::uint32_t>(c - 'A') + 10;
    if (digit >= base) break;
    if (number <= accrete::max_code_point)
      number = number * base + digit;  // what is too large stays too large
  }
  if (i == first) return std::nullopt;
  if (i < text.size() && text[i] == ';') ++i;
  return HtmlEntity{character_of_number(number), i};
}

}  // namespace detail

inline std::optional<HtmlEntity> decode_html_entity(std::string_view text) {
  if (text.size() > 1 && text[1] == '#') return detail::decode_numeric_entity(text);
  constexpr std::size_t longest_name = 8;
  std::size_t const end = text.substr(0, longest_name + 2).find(';');
  if (end == std::string_view::npos) return std::nullopt;
  std::string_view const name = text.substr(1, end - 1);
  for (detail::NamedEntity const& entity : detail::named_entities) {
    if (entity.name == name) return HtmlEntity{entity.code_point, end + 1};
  }
  return std::nullopt;
}

}  // namespace demo
