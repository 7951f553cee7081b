/// What SVG and HTML share: escaped text and short numbers.
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>

#include <accrete/core/macros.hpp>
#include <accrete/text/utf8.hpp>

ACCRETE_BEGIN_NAMESPACE

/// `text` as character data or as an attribute between quotes. What XML forbids (control characters, bytes that are
/// not UTF-8) becomes U+FFFD, so that any token of any vocabulary can stand in a picture.
[[nodiscard]] std::string escape_markup(std::string_view text);

/// `value` with at most `decimals` digits after the point and no trailing zeros: 12.50 -> "12.5", -0.001 -> "0".
/// Values that are not finite become "0".
[[nodiscard]] std::string short_number(double value, int decimals = 2);

/// The digits before the point in groups of three, set apart by a narrow no-break space: 12345.5 -> "12 345.5".
/// Four digits read well as they are.
[[nodiscard]] std::string grouped_digits(std::string_view number);

namespace detail {

/// Whether XML has a place for it.
[[nodiscard]] constexpr bool is_xml_character(char32_t code_point) {
  if (code_point < 0x20) return code_point == '\t' || code_point == '\n' || code_point == '\r';
  return (code_point & 0xFFFE) != 0xFFFE;
}

}  // namespace detail

inline std::string escape_markup(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    Utf8Step const step = decode_code_point(text, i);
    switch (step.code_point) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        if (step.fault == Utf8Fault::none && detail::is_xml_character(step.code_point)) {
          out += text.substr(i, step.length);
        } else {
          out += "\xEF\xBF\xBD";
        }
    }
    i += step.length;
  }
  return out;
}

inline std::string short_number(double value, int decimals) {
  if (!std::isfinite(value)) return "0";
  std::array<char, 400> digits{};
  auto const end = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                 std::chars_format::fixed, decimals);
  std::string out(digits.data(), end.ptr);
  if (out.find('.') != std::string::npos) {
    out.erase(out.find_last_not_of('0') + 1);
    if (out.back() == '.') out.pop_back();
  }
  return out == "-0" ? "0" : out;
}

inline std::string grouped_digits(std::string_view number) {
  std::size_t const first = number.find_first_of("0123456789");
  if (first == std::string_view::npos) return std::string(number);
  std::size_t last = number.find_first_not_of("0123456789", first);
  if (last == std::string_view::npos) last = number.size();
  if (last - first < 5) return std::string(number);
  std::string out(number.substr(0, first));
  for (std::size_t i = first; i < last; ++i) {
    if (i != first && (last - i) % 3 == 0) out += "\xE2\x80\xAF";
    out += number[i];
  }
  out += number.substr(last);
  return out;
}

ACCRETE_END_NAMESPACE
