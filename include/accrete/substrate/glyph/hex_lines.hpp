/// The lines of a .hex font and of a list of mark offsets: a code point, a colon, a value.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <accrete/core/error.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/text/utf8.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace detail {

/// The value of a hexadecimal digit, or nothing.
[[nodiscard]] inline std::optional<std::uint32_t> value_of_hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint32_t>(c - '0');
  if (c >= 'A' && c <= 'F') return static_cast<std::uint32_t>(c - 'A' + 10);
  if (c >= 'a' && c <= 'f') return static_cast<std::uint32_t>(c - 'a' + 10);
  return std::nullopt;
}

/// Goes from line to line; code points must ascend. Every error is a FileError with the offset of
/// the wrong byte, and its line.
class HexLines {
 public:
  HexLines(std::string_view text, std::string const& name) : text_(text), name_(name) {}

  /// Moves to the next line; false at the end of the text.
  [[nodiscard]] bool next();

  [[nodiscard]] char32_t code_point() const { return code_point_; }
  [[nodiscard]] std::string_view value() const { return text_.substr(value_, end_ - value_); }

  /// Complains of byte `place` of the value.
  [[noreturn]] void refuse_value(std::size_t place, std::string_view reason) const {
    refuse(value_ + place, reason);
  }

 private:
  void parse_code_point();
  [[noreturn]] void refuse(std::size_t offset, std::string_view reason) const {
    throw FileError(name_, offset, message("line ", line_, ": ", reason));
  }

  std::string_view text_;
  std::string const& name_;
  std::size_t line_ = 0;
  std::size_t begin_ = 0;  // of the line
  std::size_t value_ = 0;  // behind the colon
  std::size_t end_ = 0;    // of the line, without its line break
  std::size_t rest_ = 0;   // where the next line begins
  char32_t code_point_ = 0;
};

inline bool HexLines::next() {
  if (rest_ == text_.size()) return false;
  begin_ = rest_;
  end_ = std::min(text_.find('\n', begin_), text_.size());
  rest_ = std::min(end_ + 1, text_.size());
  if (end_ > begin_ && text_[end_ - 1] == '\r') --end_;
  ++line_;
  parse_code_point();
  return true;
}

inline void HexLines::parse_code_point() {
  char32_t const previous = code_point_;
  code_point_ = 0;
  std::size_t place = begin_;
  for (; place < end_ && text_[place] != ':'; ++place) {
    std::optional<std::uint32_t> const digit = value_of_hex_digit(text_[place]);
    if (!digit) refuse(place, "expected a hexadecimal digit or a colon");
    if (place - begin_ == 6) refuse(place, "expected a colon after at most six digits");
    code_point_ = code_point_ * 16 + *digit;
  }
  if (place - begin_ < 4) refuse(place, "expected a code point of four to six hexadecimal digits");
  if (place == end_) refuse(place, "expected a colon after the code point");
  if (code_point_ > max_code_point) refuse(begin_, "expected a code point up to 10FFFF");
  if (line_ > 1 && code_point_ <= previous) refuse(begin_, "expected ascending code points");
  value_ = place + 1;
}

}  // namespace detail
ACCRETE_END_NAMESPACE
