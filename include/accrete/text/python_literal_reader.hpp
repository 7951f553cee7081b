/// Reads Python literals of a known shape: strings, integers, and sequences of such.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include <accrete/core/error.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/io/memory_budget.hpp>
#include <accrete/text/utf8.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

/// Walks over Python literals of known shape.
class PythonLiteralReader {
 public:
  PythonLiteralReader(std::string_view text, std::string_view source)
      : text_(text), source_(source), budget_(text.size()) {}

  [[nodiscard]] std::size_t offset() const { return offset_; }
  [[noreturn]] void refuse(std::size_t offset, std::string_view reason) const {
    throw FileError(std::string(source_), offset, reason);
  }

  /// Refuses a text whose values take more memory than MemoryBudget allows.
  void spend(std::uint64_t bytes) {
    if (!budget_.spend(bytes)) refuse(offset_, "the values up to here take too much memory");
  }

  /// How often `wanted` stands between here and `end`.
  [[nodiscard]] std::size_t count_up_to(char end, char wanted) const;

  /// Skips white space and then `wanted`, or returns false where something else stands.
  bool accept(char wanted);
  void expect(char wanted);
  void expect_end();

  /// Calls `element` for each one between `open` and `close`, with commas between them and perhaps
  /// behind the last.
  template <class Element>
  void sequence(char open, char close, Element element);

  [[nodiscard]] std::int64_t integer();
  [[nodiscard]] std::string string();

 private:
  void skip_space();
  void escape(std::string& out);

  std::string_view text_;
  std::string_view source_;
  MemoryBudget budget_;
  std::size_t offset_ = 0;
};

inline void PythonLiteralReader::skip_space() {
  while (offset_ < text_.size() &&
         std::string_view(" \t\r\n").find(text_[offset_]) != std::string_view::npos) {
    ++offset_;
  }
}

inline std::size_t PythonLiteralReader::count_up_to(char end, char wanted) const {
  std::string_view const rest = text_.substr(offset_, text_.find(end, offset_) - offset_);
  return static_cast<std::size_t>(std::count(rest.begin(), rest.end(), wanted));
}

inline bool PythonLiteralReader::accept(char wanted) {
  skip_space();
  bool const found = offset_ < text_.size() && text_[offset_] == wanted;
  if (found) ++offset_;
  return found;
}

inline void PythonLiteralReader::expect(char wanted) {
  if (!accept(wanted)) refuse(offset_, message("expected ", wanted));
}

inline void PythonLiteralReader::expect_end() {
  skip_space();
  if (offset_ != text_.size()) refuse(offset_, "expected the end of the file");
}

template <class Element>
void PythonLiteralReader::sequence(char open, char close, Element element) {
  expect(open);
  while (!accept(close)) {
    element();
    if (accept(',')) continue;
    expect(close);
    return;
  }
}

inline std::int64_t PythonLiteralReader::integer() {
  skip_space();
  std::int64_t value = 0;
  char const* const end = text_.data() + text_.size();
  auto const [stop, error] = std::from_chars(text_.data() + offset_, end, value);
  if (error == std::errc::result_out_of_range) refuse(offset_, "an integer beyond 64 bits");
  if (error != std::errc{}) refuse(offset_, "expected an integer");
  offset_ = static_cast<std::size_t>(stop - text_.data());
  return value;
}

inline std::string PythonLiteralReader::string() {
  char const quote = accept('"') ? '"' : '\'';
  if (quote == '\'' && !accept(quote)) refuse(offset_, "expected a string");
  std::size_t const start = offset_ - 1;
  std::string value;
  for (;;) {
    if (offset_ == text_.size()) refuse(start, "a string without an end");
    if (text_[offset_] == quote) break;
    if (text_[offset_] == '\n') refuse(offset_, "a line break inside a string");
    if (text_[offset_] == '\\') {
      escape(value);
      continue;
    }
    Utf8Step const step = decode_code_point(text_, offset_);
    if (step.fault != Utf8Fault::none) refuse(offset_, describe(step.fault));
    value += text_.substr(offset_, step.length);
    offset_ += step.length;
  }
  ++offset_;
  return value;
}

inline void PythonLiteralReader::escape(std::string& out) {
  constexpr std::string_view letters = "\\'\"abfnrtv";
  constexpr std::string_view meanings = "\\'\"\a\b\f\n\r\t\v";
  std::size_t const start = offset_++;
  char const letter = offset_ < text_.size() ? text_[offset_++] : '\0';
  if (std::size_t const known = letters.find(letter); known != letters.npos) {
    out += meanings[known];
    return;
  }
  std::size_t const digits = letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
  std::string_view const number = text_.substr(offset_, digits);
  std::uint32_t code_point = 0;
  auto const [stop, error] =
      std::from_chars(number.data(), number.data() + number.size(), code_point, 16);
  if (digits == 0 || number.size() != digits || error != std::errc{} ||
      stop != number.data() + digits) {
    refuse(start, "an unknown escape");
  }
  if (code_point > max_code_point || (code_point >= 0xD800 && code_point < 0xE000)) {
    refuse(start, "an escape for what is no character");
  }
  append_utf8(out, code_point);
  offset_ += digits;
}

}  // namespace detail

ACCRETE_END_NAMESPACE
