/// The text of one JSON string: its escapes undone, and done.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <accrete/core/macros.hpp>
#include <accrete/io/utf8_check.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

/// A string's value and how far its text reaches, or where and why it stops being one.
struct JsonStringScan {
  std::string value{};
  std::size_t length = 0;
  std::string_view error{};  // what was expected at `length`; empty if all is well
};

/// The code unit that a backslash, a `u` and four hex digits at the front of `text` name; else above 0xFFFF.
[[nodiscard]] inline std::uint32_t json_code_unit(std::string_view text) {
  constexpr std::uint32_t none = 0x10000;
  if (!text.starts_with("\\u") || text.size() < 6) return none;
  std::uint32_t unit = 0;
  auto const result = std::from_chars(text.data() + 2, text.data() + 6, unit, 16);
  return result.ptr == text.data() + 6 ? unit : none;
}

/// Undoes the escape at the front of text.substr(scan.length).
inline void scan_json_escape(std::string_view text, JsonStringScan& scan) {
  constexpr std::string_view letters = "\"\\/bfnrt";
  constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
  std::string_view const escape = text.substr(scan.length);
  std::size_t const which = escape.size() < 2 ? letters.npos : letters.find(escape[1]);
  if (which != letters.npos) {
    scan.value += meanings[which];
    scan.length += 2;
    return;
  }
  std::uint32_t const unit = json_code_unit(escape);
  if (unit > 0xFFFF) {
    scan.error = "an escape is one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX";
  } else if (unit < 0xD800 || unit > 0xDFFF) {
    append_utf8(scan.value, unit);
    scan.length += 6;
  } else if (std::uint32_t const low = json_code_unit(escape.substr(6));
             unit < 0xDC00 && low >= 0xDC00 && low <= 0xDFFF) {
    append_utf8(scan.value, 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
    scan.length += 12;
  } else {
    scan.error = "a surrogate stands in a pair, high before low";
  }
}

/// Reads a string up to and including its closing quote; `text` begins after the opening one.
[[nodiscard]] inline JsonStringScan scan_json_string(std::string_view text) {
  JsonStringScan scan;
  std::size_t copied = 0;  // what lies before is in scan.value
  auto const copy_run = [&] { scan.value.append(text.substr(copied, scan.length - copied)); };
  while (scan.length < text.size() && text[scan.length] != '"') {
    auto const byte = static_cast<unsigned char>(text[scan.length]);
    if (byte == '\\') {
      copy_run();
      scan_json_escape(text, scan);
      copied = scan.length;
    } else if (byte < 0x20) {
      scan.error = "a control character in a string is escaped";
    } else if (byte < 0x80) {
      ++scan.length;
    } else if (std::size_t const length = utf8_sequence_length(text.substr(scan.length))) {
      scan.length += length;
    } else {
      scan.error = "a string is valid UTF-8";
    }
    if (!scan.error.empty()) return scan;
  }
  copy_run();
  if (scan.length == text.size()) {
    scan.error = "a string ends with '\"'";
  } else {
    ++scan.length;
  }
  return scan;
}

/// Appends `value`, which is valid UTF-8, in double quotes. Escapes only what must be.
inline void append_json_string(std::string& out, std::string_view value) {
  constexpr std::string_view characters = "\"\\\b\f\n\r\t";
  constexpr std::string_view letters = "\"\\bfnrt";
  constexpr std::string_view digits = "0123456789abcdef";
  out += '"';
  for (char const c : value) {
    if (std::size_t const which = characters.find(c); which != characters.npos) {
      out += '\\';
      out += letters[which];
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += digits[static_cast<unsigned char>(c) >> 4];
      out += digits[static_cast<unsigned char>(c) & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

/// A name from a file, as messages show it: in quotes, escaped, no longer than 64 bytes.
[[nodiscard]] inline std::string excerpt(std::string_view name) {
  constexpr std::size_t longest = 64;
  std::string_view shown = name.substr(0, longest);
  shown = shown.substr(0, well_formed_utf8_prefix(shown));
  std::string out;
  append_json_string(out, shown);
  if (shown.size() < name.size()) out += "...";
  return out;
}

}  // namespace detail

ACCRETE_END_NAMESPACE
