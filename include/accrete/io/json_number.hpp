/// The text of one JSON number: its grammar, its nearest double, and the way back.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

[[nodiscard]] constexpr std::size_t leading_digits(std::string_view text) {
  return std::min(text.find_first_not_of("0123456789"), text.size());
}

/// How far the number at the front of a text reaches, or where and why it stops being one.
struct JsonNumberScan {
  std::size_t length = 0;
  bool is_integer = true;    // neither fraction nor exponent
  std::string_view error{};  // what was expected at `length`; empty if all is well
};

/// RFC 8259: [ minus ] int [ frac ] [ exp ].
[[nodiscard]] constexpr JsonNumberScan scan_json_number(std::string_view text) {
  JsonNumberScan scan;
  auto const next_is = [&](std::string_view characters) {
    return scan.length < text.size() && characters.find(text[scan.length]) != characters.npos;
  };
  auto const skip_digits = [&](std::string_view expected) {
    std::size_t const count = leading_digits(text.substr(scan.length));
    scan.length += count;
    if (count == 0) scan.error = expected;
    return count != 0;
  };
  if (next_is("-")) ++scan.length;
  if (next_is("0")) {
    ++scan.length;
    if (next_is("0123456789")) scan.error = "no digit after a leading zero";
  } else {
    skip_digits("a digit");
  }
  if (scan.error.empty() && next_is(".")) {
    ++scan.length;
    scan.is_integer = false;
    skip_digits("a digit after the decimal point");
  }
  if (scan.error.empty() && next_is("eE")) {
    ++scan.length;
    scan.is_integer = false;
    if (next_is("+-")) ++scan.length;
    skip_digits("a digit of the exponent");
  }
  return scan;
}

/// Is the well-formed number at least 1? Counts the place of its first digit that is not zero.
[[nodiscard]] inline bool json_number_is_large(std::string_view number) {
  if (number.front() == '-') number.remove_prefix(1);
  std::size_t const mantissa_end = std::min(number.find_first_of("eE"), number.size());
  std::string_view const mantissa = number.substr(0, mantissa_end);
  auto const point = static_cast<std::int64_t>(std::min(mantissa.find('.'), mantissa.size()));
  auto const first = static_cast<std::int64_t>(mantissa.find_first_not_of("0."));
  std::int64_t const place = point - first;  // > 0 for 1 and more, without the exponent

  std::int64_t exponent = 0;
  if (mantissa_end < number.size()) {
    number.remove_prefix(mantissa_end + 1);
    bool const negative = number.front() == '-';
    if (negative || number.front() == '+') number.remove_prefix(1);
    constexpr std::int64_t largest =
        std::numeric_limits<std::int64_t>::max() / 2;  // leaves room for the place
    auto const [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), exponent);
    exponent = error != std::errc{} ? largest : std::min(exponent, largest);
    if (negative) exponent = -exponent;
  }
  return place + exponent > 0;
}

/// The double nearest to a well-formed number; nothing if its magnitude is above the largest double.
[[nodiscard]] inline std::optional<double> json_number_to_double(std::string_view number) {
  double value = 0;
  auto const result = std::from_chars(number.data(), number.data() + number.size(), value);
  if (result.ec != std::errc::result_out_of_range) return value;
  if (json_number_is_large(number)) return std::nullopt;
  return number.front() == '-' ? -0.0 : 0.0;
}

inline void append_json_number(std::string& out, std::int64_t value) {
  out += std::to_string(value);
}

/// Appends the shortest text that reads back as the same finite double, and never as an integer.
inline void append_json_number(std::string& out, double value) {
  std::array<char, 32> buffer;  // "-1.7976931348623157e+308" takes 24
  auto const result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  std::string_view const text(buffer.data(), static_cast<std::size_t>(result.ptr - buffer.data()));
  out += text;
  if (text.find_first_of(".e") == text.npos) out += ".0";
}

}  // namespace detail

ACCRETE_END_NAMESPACE
