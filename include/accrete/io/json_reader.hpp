/// Reads JSON one value at a time, in memory that does not grow with the text.
///
///     JsonReader json(text, "plan.json");
///     json.begin_object();
///     while (auto key = json.next_key()) {
///       if (*key == "steps") {
///         steps = json.read_integer<int>();
///       } else {
///         json.skip_value();
///       }
///     }
///     json.end_of_text();
///
/// Strict RFC 8259. Whatever is off, a value of another kind included, is a FileError with the byte's offset.
/// Duplicate keys are the caller's to find; `Json::parse` does.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>

#include <accrete/core/error.hpp>
#include <accrete/io/json_kind.hpp>
#include <accrete/io/json_number.hpp>
#include <accrete/io/json_string.hpp>
#include <accrete/io/standard_integer.hpp>

ACCRETE_BEGIN_NAMESPACE

class JsonReader {
 public:
  static constexpr std::size_t default_max_depth = 64;

  /// An integer if the text has neither fraction nor exponent and the value fits, else the nearest double.
  using Number = std::variant<std::int64_t, double>;

  /// `text` must outlive the reader. `source` names it in errors, whose offsets count from `first_offset`.
  JsonReader(std::string_view text, std::string source, std::size_t max_depth = default_max_depth,
             std::uint64_t first_offset = 0)
      : text_(text),
        source_(std::move(source)),
        max_depth_(max_depth),
        first_offset_(first_offset) {}

  /// A reader of the same text that begins at `offset`, where a value begins: for what is read twice.
  [[nodiscard]] JsonReader from(std::uint64_t offset) const {
    return JsonReader(text_.substr(offset - first_offset_), source_, max_depth_, offset);
  }

  /// The kind of the value that comes next, judged by its first character.
  [[nodiscard]] JsonKind peek();

  void read_null() { begin_value(JsonKind::null); }
  [[nodiscard]] bool read_bool();
  [[nodiscard]] std::string read_string();
  [[nodiscard]] Number read_number();

  /// A number without fraction and exponent that fits into T.
  template <StandardInteger T>
  [[nodiscard]] T read_integer();

  /// `while (auto key = next_key())` meets each member of an object, `while (next_element())` each element of
  /// an array. Between two calls exactly one value is read or skipped.
  void begin_object() { enter(JsonKind::object); }
  void begin_array() { enter(JsonKind::array); }
  [[nodiscard]] std::optional<std::string> next_key();
  [[nodiscard]] bool next_element() { return next_item(']', "',' or ']'"); }

  /// Passes over one value of any kind, as strictly as if it were read.
  void skip_value();

  /// Nothing but white space may follow.
  void end_of_text();

  /// Where the next value, or the latest key, begins: what an error about it should name.
  [[nodiscard]] std::uint64_t offset();
  [[nodiscard]] std::uint64_t key_offset() const { return first_offset_ + key_position_; }

  [[noreturn]] void fail(std::uint64_t offset, std::string_view reason) const {
    throw FileError(source_, offset, reason);
  }

 private:
  [[noreturn]] void fail_here(std::string_view reason) const {
    fail(first_offset_ + position_, reason);
  }
  [[noreturn]] void fail_expected(std::string_view what) const {
    fail_here(message("expected ", what, ", found ", found()));
  }
  [[nodiscard]] std::string found() const;

  [[nodiscard]] std::string_view rest() const { return text_.substr(position_); }
  [[nodiscard]] bool next_is(char c) const {
    return position_ < text_.size() && text_[position_] == c;
  }
  void skip_white_space();

  /// Consumes the word of `null`, and the first character of a string, array or object.
  void begin_value(JsonKind kind);
  void expect_word(std::string_view word);
  void enter(JsonKind container);
  [[nodiscard]] bool next_item(char closing, std::string_view expected);

  [[nodiscard]] std::string rest_of_string();

  /// The number that comes next; passes over it.
  struct NumberToken {
    std::string_view text;
    bool is_integer;
  };
  [[nodiscard]] NumberToken read_number_token();

  std::string_view text_;
  std::string source_;
  std::size_t max_depth_;
  std::uint64_t first_offset_;
  std::size_t position_ = 0;
  std::size_t key_position_ = 0;
  std::size_t depth_ = 0;
  bool at_first_item_ = false;  // a container has just been entered
};

// ---- white space, words, messages

inline std::string JsonReader::found() const {
  if (position_ == text_.size()) return "the end of the text";
  auto const byte = static_cast<unsigned char>(text_[position_]);
  if (byte >= 0x20 && byte < 0x7F) return {'\'', static_cast<char>(byte), '\''};
  constexpr std::string_view digits = "0123456789abcdef";
  return {'b', 'y', 't', 'e', ' ', '0', 'x', digits[byte >> 4], digits[byte & 15]};
}

inline void JsonReader::skip_white_space() {
  while (next_is(' ') || next_is('\n') || next_is('\t') || next_is('\r')) ++position_;
}

inline std::uint64_t JsonReader::offset() {
  skip_white_space();
  return first_offset_ + position_;
}

inline void JsonReader::end_of_text() {
  skip_white_space();
  if (position_ != text_.size()) fail_expected("the end of the text");
}

inline JsonKind JsonReader::peek() {
  skip_white_space();
  switch (position_ < text_.size() ? text_[position_] : '\0') {
    case 'n':
      return JsonKind::null;
    case 't':
    case 'f':
      return JsonKind::boolean;
    case '"':
      return JsonKind::string;
    case '[':
      return JsonKind::array;
    case '{':
      return JsonKind::object;
    default:
      if (next_is('-') || detail::leading_digits(rest().substr(0, 1)) == 1) return JsonKind::number;
      fail_expected("a value");
  }
}

inline void JsonReader::expect_word(std::string_view word) {
  if (!rest().starts_with(word)) fail_here(message("expected ", word));
  position_ += word.size();
}

inline void JsonReader::begin_value(JsonKind kind) {
  JsonKind const next = peek();
  if (next != kind) fail_here(message("expected ", name_of(kind), ", found ", name_of(next)));
  if (kind == JsonKind::null) expect_word("null");
  if (kind == JsonKind::string || kind == JsonKind::array || kind == JsonKind::object) ++position_;
}

inline bool JsonReader::read_bool() {
  begin_value(JsonKind::boolean);
  bool const value = next_is('t');
  expect_word(value ? "true" : "false");
  return value;
}

// ---- containers

inline void JsonReader::enter(JsonKind container) {
  std::uint64_t const begin = offset();
  begin_value(container);
  if (depth_ == max_depth_) fail(begin, message("nested deeper than ", max_depth_, " levels"));
  ++depth_;
  at_first_item_ = true;
}

inline bool JsonReader::next_item(char closing, std::string_view expected) {
  skip_white_space();
  if (next_is(closing)) {
    ++position_;
    --depth_;
    at_first_item_ = false;
    return false;
  }
  if (!std::exchange(at_first_item_, false)) {
    if (!next_is(',')) fail_expected(expected);
    ++position_;
    skip_white_space();
  }
  return true;
}

inline std::optional<std::string> JsonReader::next_key() {
  if (!next_item('}', "',' or '}'")) return std::nullopt;
  if (!next_is('"')) fail_expected("a key in double quotes");
  key_position_ = position_++;
  std::string key = rest_of_string();
  skip_white_space();
  if (!next_is(':')) fail_expected("':'");
  ++position_;
  return key;
}

inline void JsonReader::skip_value() {
  switch (peek()) {
    case JsonKind::null:
      return read_null();
    case JsonKind::boolean:
      return static_cast<void>(read_bool());
    case JsonKind::number:
      return static_cast<void>(read_number());
    case JsonKind::string:
      return static_cast<void>(read_string());
    case JsonKind::array:
      begin_array();
      while (next_element()) skip_value();
      return;
    case JsonKind::object:
      begin_object();
      while (next_key()) skip_value();
      return;
  }
}

inline JsonReader::NumberToken JsonReader::read_number_token() {
  begin_value(JsonKind::number);
  detail::JsonNumberScan const scan = detail::scan_json_number(rest());
  NumberToken const token{rest().substr(0, scan.length), scan.is_integer};
  position_ += scan.length;
  if (!scan.error.empty()) fail_expected(scan.error);
  return token;
}

inline JsonReader::Number JsonReader::read_number() {
  std::uint64_t const begin = offset();
  NumberToken const token = read_number_token();
  std::int64_t integer = 0;
  if (token.is_integer && token.text != "-0") {
    char const* const end = token.text.data() + token.text.size();
    if (std::from_chars(token.text.data(), end, integer).ec == std::errc{}) return integer;
  }
  std::optional<double> const number = detail::json_number_to_double(token.text);
  if (!number) fail(begin, "the number is larger than a double can be");
  return *number;
}

template <StandardInteger T>
T JsonReader::read_integer() {
  std::uint64_t const begin = offset();
  NumberToken const token = read_number_token();
  if (!token.is_integer) fail(begin, "expected an integer, found a fraction or an exponent");
  T value{};
  char const* const end = token.text.data() + token.text.size();
  auto const result = std::from_chars(token.text.data(), end, value);
  if (result.ec != std::errc{}) {
    fail(begin, message("expected an integer of ", +std::numeric_limits<T>::min(), " to ",
                        +std::numeric_limits<T>::max(), ", found ", token.text.substr(0, 32)));
  }
  return value;
}

inline std::string JsonReader::read_string() {
  begin_value(JsonKind::string);
  return rest_of_string();
}

inline std::string JsonReader::rest_of_string() {
  detail::JsonStringScan scan = detail::scan_json_string(rest());
  position_ += scan.length;
  if (!scan.error.empty()) fail_here(message(scan.error, ", found ", found()));
  return std::move(scan.value);
}

ACCRETE_END_NAMESPACE
