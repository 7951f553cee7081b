/// UTF-8, read strictly: every ill-formed sequence is found at its first byte, none is repaired in
/// silence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <accrete/core/error.hpp>
#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

inline constexpr char32_t max_code_point = 0x10FFFF;
inline constexpr char32_t replacement_character = 0xFFFD;

/// Why no code point starts at a byte.
enum class Utf8Fault : std::uint8_t {
  none,
  truncated,             // the text ends inside a sequence that is well-formed so far
  stray_continuation,    // 80..BF with nothing to continue
  impossible_byte,       // C0, C1, F5..FF: in no UTF-8 text
  missing_continuation,  // a sequence broken off by another character
  overlong,              // more bytes than the code point needs
  surrogate,             // D800..DFFF
  beyond_unicode,        // above 10FFFF
};

[[nodiscard]] constexpr std::string_view describe(Utf8Fault fault);

/// What starts at one byte of a text. Of a fault, `length` is the number of bytes to skip: the
/// longest start of a well-formed sequence, at least 1 (the practice that Unicode recommends for
/// replacement).
struct Utf8Step {
  char32_t code_point = 0;
  std::uint32_t length = 0;
  Utf8Fault fault = Utf8Fault::none;
};

/// Decodes the code point that starts at `text[offset]`; offset < text.size().
[[nodiscard]] constexpr Utf8Step decode_code_point(std::string_view text, std::size_t offset);

/// The bytes that UTF-8 spends on a code point: 1 to 4.
[[nodiscard]] constexpr std::size_t utf8_length(char32_t code_point) {
  return code_point < 0x80 ? 1 : code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
}

/// Walks over a text code point by code point. `source` (a path, or a word such as "text") stands
/// in the errors.
class CodePointCursor {
 public:
  explicit CodePointCursor(std::string_view text, std::string_view source = "text")
      : text_(text), source_(source) {}

  [[nodiscard]] bool done() const { return offset_ == text_.size(); }
  [[nodiscard]] std::size_t offset() const { return offset_; }

  /// The code point at offset(), which moves behind it. FileError(source, offset, reason) if there
  /// is none.
  char32_t next();

 private:
  std::string_view text_;
  std::string_view source_;
  std::size_t offset_ = 0;
};

/// The code points of a UTF-8 text. FileError(source, offset, reason) at the first ill-formed
/// sequence.
[[nodiscard]] std::u32string to_code_points(std::string_view text,
                                            std::string_view source = "text");

/// How many code points a UTF-8 text has. FileError as above.
[[nodiscard]] std::size_t count_code_points(std::string_view text,
                                            std::string_view source = "text");

[[nodiscard]] constexpr bool is_valid_utf8(std::string_view text);

/// Appends one code point. ValueError for surrogates and values above 10FFFF, which UTF-8 cannot
/// hold.
void append_utf8(std::string& text, char32_t code_point);

[[nodiscard]] std::string to_utf8(std::u32string_view code_points);

// -------------------------------------------------------------------------------------------------

constexpr std::string_view describe(Utf8Fault fault) {
  switch (fault) {
    case Utf8Fault::none:
      return "well-formed";
    case Utf8Fault::truncated:
      return "invalid UTF-8: the text ends inside a character";
    case Utf8Fault::stray_continuation:
      return "invalid UTF-8: a continuation byte that continues nothing";
    case Utf8Fault::impossible_byte:
      return "invalid UTF-8: a byte that no UTF-8 text contains";
    case Utf8Fault::missing_continuation:
      return "invalid UTF-8: a character broken off in its middle";
    case Utf8Fault::overlong:
      return "invalid UTF-8: an overlong form";
    case Utf8Fault::surrogate:
      return "invalid UTF-8: a surrogate";
    case Utf8Fault::beyond_unicode:
      return "invalid UTF-8: a code point above 10FFFF";
  }
  return "unknown";
}

namespace detail {

constexpr Utf8Step decode_beyond_ascii(std::string_view text, std::size_t offset) {
  auto const byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[offset + i]); };
  std::uint8_t const lead = byte(0);
  if (lead < 0xC0) return {0, 1, Utf8Fault::stray_continuation};
  if (lead < 0xC2 || lead > 0xF4) {
    return {0, 1, lead == 0xC0 || lead == 0xC1 ? Utf8Fault::overlong : Utf8Fault::impossible_byte};
  }
  std::uint32_t const length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  std::size_t const available = text.size() - offset;
  char32_t code_point = lead & (0xFFU >> (length + 1));
  for (std::uint32_t i = 1; i < length; ++i) {
    if (i == available) return {0, i, Utf8Fault::truncated};
    std::uint8_t const next = byte(i);
    if ((next & 0xC0) != 0x80) return {0, i, Utf8Fault::missing_continuation};
    if (i ==
        1) {  // the second byte alone tells the forms that are too long, surrogate or too large
      if (lead == 0xE0 && next < 0xA0) return {0, 1, Utf8Fault::overlong};
      if (lead == 0xED && next >= 0xA0) return {0, 1, Utf8Fault::surrogate};
      if (lead == 0xF0 && next < 0x90) return {0, 1, Utf8Fault::overlong};
      if (lead == 0xF4 && next >= 0x90) return {0, 1, Utf8Fault::beyond_unicode};
    }
    code_point = (code_point << 6) | (next & 0x3FU);
  }
  return {code_point, length};
}

}  // namespace detail

constexpr Utf8Step decode_code_point(std::string_view text, std::size_t offset) {
  auto const lead = static_cast<std::uint8_t>(text[offset]);
  if (lead < 0x80) return {lead, 1};  // by itself, so that it is inlined
  return detail::decode_beyond_ascii(text, offset);
}

inline char32_t CodePointCursor::next() {
  ACCRETE_ASSERT(!done());
  Utf8Step const step = decode_code_point(text_, offset_);
  if (step.fault != Utf8Fault::none) {
    throw FileError(std::string(source_), offset_, describe(step.fault));
  }
  offset_ += step.length;
  return step.code_point;
}

inline std::u32string to_code_points(std::string_view text, std::string_view source) {
  std::u32string code_points;
  code_points.reserve(text.size());
  for (CodePointCursor cursor(text, source); !cursor.done();) code_points.push_back(cursor.next());
  return code_points;
}

inline std::size_t count_code_points(std::string_view text, std::string_view source) {
  std::size_t count = 0;
  for (CodePointCursor cursor(text, source); !cursor.done(); ++count) cursor.next();
  return count;
}

constexpr bool is_valid_utf8(std::string_view text) {
  for (std::size_t offset = 0; offset < text.size();) {
    Utf8Step const step = decode_code_point(text, offset);
    if (step.fault != Utf8Fault::none) return false;
    offset += step.length;
  }
  return true;
}

inline void append_utf8(std::string& text, char32_t code_point) {
  auto const put = [&](char32_t bits) { text.push_back(static_cast<char>(bits)); };
  auto const put_continuation = [&](int shift) { put(0x80 | ((code_point >> shift) & 0x3F)); };
  if (code_point > max_code_point || (code_point >= 0xD800 && code_point < 0xE000)) {
    throw ValueError(message("append_utf8: expected a code point that UTF-8 can hold, got U+",
                             std::hex, std::uppercase, static_cast<std::uint32_t>(code_point)));
  }
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | (code_point >> 6));
    put_continuation(0);
  } else if (code_point < 0x10000) {
    put(0xE0 | (code_point >> 12));
    put_continuation(6);
    put_continuation(0);
  } else {
    put(0xF0 | (code_point >> 18));
    put_continuation(12);
    put_continuation(6);
    put_continuation(0);
  }
}

inline std::string to_utf8(std::u32string_view code_points) {
  std::string text;
  text.reserve(code_points.size());
  for (char32_t const code_point : code_points) append_utf8(text, code_point);
  return text;
}

ACCRETE_END_NAMESPACE
