/// Cuts text into the pieces within which byte-level tokenizers merge.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include <accrete/core/macros.hpp>
#include <accrete/text/unicode_class.hpp>
#include <accrete/text/utf8.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The regular expressions of well-known tokenizers. Each matches at every place of a text.
enum class SplitRule { none, gpt2, llama3, qwen2 };

/// As a tokenizer.json writes it; "" for `none`.
[[nodiscard]] constexpr std::string_view pattern_of(SplitRule rule) {
  switch (rule) {
    case SplitRule::none:
      return "";
    case SplitRule::gpt2:
      return R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
    case SplitRule::llama3:
      return R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
             R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
    case SplitRule::qwen2:
      return R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)"
             R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  }
  return "";
}

/// The rule of a pattern, if it is one of these.
[[nodiscard]] constexpr std::optional<SplitRule> split_rule_of(std::string_view pattern) {
  for (SplitRule const rule : {SplitRule::gpt2, SplitRule::llama3, SplitRule::qwen2})
    if (pattern == pattern_of(rule)) return rule;
  return std::nullopt;
}

/// Where the piece ends that starts at `offset`, which is in the text. The text is valid UTF-8.
[[nodiscard]] std::size_t piece_end(SplitRule rule, std::string_view text, std::size_t offset);

// -------------------------------------------------------------------------------------------------

namespace detail {

/// Tries the alternatives of a rule at one place.
class PieceMatcher {
 public:
  PieceMatcher(std::string_view text, std::size_t begin) : text_(text), begin_(begin) {}

  [[nodiscard]] std::size_t gpt2() const;
  [[nodiscard]] std::size_t llama3(std::size_t most_digits) const;

 private:
  struct Character {
    char32_t code_point = 0;
    std::size_t end = 0;  // 0: the text has ended
    UnicodeClass kind = UnicodeClass::other;

    [[nodiscard]] bool is(UnicodeClass wanted) const { return end != 0 && kind == wanted; }
    [[nodiscard]] bool is_line_break() const {
      return end != 0 && (code_point == U'\r' || code_point == U'\n');
    }
  };

  [[nodiscard]] Character at(std::size_t offset) const {
    if (offset >= text_.size()) return {};
    Utf8Step const step = decode_code_point(text_, offset);
    return {step.code_point, offset + step.length, unicode_class(step.code_point)};
  }

  /// Where the run of one class that starts at `offset` ends.
  [[nodiscard]] std::size_t run_end(std::size_t offset, UnicodeClass kind) const {
    for (Character next = at(offset); next.is(kind); next = at(offset)) offset = next.end;
    return offset;
  }

  /// 's 't 're 've 'm 'll 'd; begin_ if it is none.
  [[nodiscard]] std::size_t contraction(bool any_case) const;

  /// White space: all of a run at the end of the text, else all but its last character, of which
  /// there must be one.
  [[nodiscard]] std::size_t white_space() const;

  std::string_view text_;
  std::size_t begin_;
};

inline std::size_t PieceMatcher::contraction(bool any_case) const {
  if (text_[begin_] != '\'') return begin_;
  auto const letter = [&](std::size_t offset) -> Character {
    Character next = at(offset);
    if (any_case && next.code_point >= U'A' && next.code_point <= U'Z') next.code_point |= 0x20;
    if (any_case && next.code_point == U'\u017F') next.code_point = U's';  // long s
    return next;
  };
  Character const first = letter(begin_ + 1);
  if (first.end == 0) return begin_;
  if (first.code_point == U's' || first.code_point == U't' || first.code_point == U'm' ||
      first.code_point == U'd') {
    return first.end;
  }
  Character const second = letter(first.end);
  if (second.end == 0) return begin_;
  bool const is_pair = (first.code_point == U'r' && second.code_point == U'e') ||
                       (first.code_point == U'v' && second.code_point == U'e') ||
                       (first.code_point == U'l' && second.code_point == U'l');
  return is_pair ? second.end : begin_;
}

inline std::size_t PieceMatcher::white_space() const {
  std::size_t end = begin_, last = begin_;
  for (Character next = at(end); next.is(UnicodeClass::white_space); next = at(end)) {
    last = end;
    end = next.end;
  }
  return end == text_.size() || last == begin_ ? end : last;
}

inline std::size_t PieceMatcher::gpt2() const {
  if (std::size_t const end = contraction(false); end != begin_) return end;
  bool const has_space = text_[begin_] == ' ';
  Character const first = at(has_space ? begin_ + 1 : begin_);
  if (first.end != 0 && first.kind != UnicodeClass::white_space)
    return run_end(first.end, first.kind);
  return white_space();
}

inline std::size_t PieceMatcher::llama3(std::size_t most_digits) const {
  if (std::size_t const end = contraction(true); end != begin_) return end;
  Character const first = at(begin_);
  if (first.is(UnicodeClass::letter)) return run_end(first.end, UnicodeClass::letter);
  if (first.is(UnicodeClass::number)) {
    std::size_t end = first.end;
    for (std::size_t digits = 1; digits < most_digits; ++digits) {
      Character const next = at(end);
      if (!next.is(UnicodeClass::number)) break;
      end = next.end;
    }
    return end;
  }
  Character const second = at(first.end);
  if (!first.is_line_break() && second.is(UnicodeClass::letter))
    return run_end(second.end, UnicodeClass::letter);

  bool const space_and_sign = text_[begin_] == ' ' && second.is(UnicodeClass::other);
  if (first.is(UnicodeClass::other) || space_and_sign) {
    std::size_t end =
        run_end(first.is(UnicodeClass::other) ? first.end : second.end, UnicodeClass::other);
    while (at(end).is_line_break()) ++end;
    return end;
  }
  std::size_t after_break = begin_;  // behind the last line break of the run of white space
  for (std::size_t end = begin_;;) {
    Character const next = at(end);
    if (!next.is(UnicodeClass::white_space)) break;
    end = next.end;
    if (next.is_line_break()) after_break = end;
  }
  return after_break != begin_ ? after_break : white_space();
}

}  // namespace detail

inline std::size_t piece_end(SplitRule rule, std::string_view text, std::size_t offset) {
  detail::PieceMatcher const matcher(text, offset);
  switch (rule) {
    case SplitRule::none:
      return text.size();
    case SplitRule::gpt2:
      return matcher.gpt2();
    case SplitRule::llama3:
      return matcher.llama3(3);
    case SplitRule::qwen2:
      return matcher.llama3(1);
  }
  return text.size();
}

ACCRETE_END_NAMESPACE
