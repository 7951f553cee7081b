/// Cuts HTML into tags and text. Whatever the input, it ends after one pass, allocates nothing and never throws.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace demo {

enum class HtmlTokenKind {
  start_tag,
  end_tag,
  text,      ///< with character references still in it
  raw_text,  ///< what a script or a style sheet holds
};

/// The views point into the page.
struct HtmlToken {
  HtmlTokenKind kind = HtmlTokenKind::text;
  std::string_view text{};         ///< of text and raw text
  std::string_view name{};         ///< of tags, as written; of raw text its element
  std::string_view id{};           ///< of start tags
  std::string_view class_names{};  ///< of start tags, separated by white space
};

[[nodiscard]] constexpr char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

[[nodiscard]] constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return ascii_lower(x) == ascii_lower(y); });
}

[[nodiscard]] constexpr bool is_html_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/// Comments, declarations and processing instructions are passed over. Where markup never ends, it takes the rest of
/// the page with it, as in browsers.
class HtmlTokenizer {
 public:
  explicit HtmlTokenizer(std::string_view page) : page_(page) {}

  /// The next token, or false at the end of the page.
  bool next(HtmlToken& token);

 private:
  [[nodiscard]] bool starts_with(std::string_view words) const {
    return page_.substr(position_).starts_with(words);
  }
  /// Whether markup begins at page_[i], which is '<'.
  [[nodiscard]] bool is_markup(std::size_t i) const;
  void skip_past(std::string_view words);
  void skip_spaces();
  void read_text(HtmlToken& token);
  void read_raw_text(HtmlToken& token);
  void read_tag(HtmlToken& token);
  void read_attribute(HtmlToken& token);
  [[nodiscard]] std::string_view read_value();

  std::string_view page_;
  std::size_t position_ = 0;
  std::string_view raw_element_{};  // whose text comes next
};

inline bool HtmlTokenizer::next(HtmlToken& token) {
  token = {};
  if (!raw_element_.empty()) {
    read_raw_text(token);
    return true;
  }
  while (position_ < page_.size()) {
    if (page_[position_] != '<' || !is_markup(position_)) {
      read_text(token);
      return true;
    }
    char const sign = page_[position_ + 1];
    if (starts_with("<!--")) {
      position_ += 4;
      skip_past("-->");
    } else if (sign == '!' || sign == '?' || starts_with("</>")) {
      skip_past(">");
    } else {
      read_tag(token);
      return true;
    }
  }
  return false;
}

inline bool HtmlTokenizer::is_markup(std::size_t i) const {
  if (i + 1 >= page_.size()) return false;
  auto const is_letter = [](char c) { return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'; };
  char const sign = page_[i + 1];
  if (sign == '/') return i + 2 < page_.size() && (is_letter(page_[i + 2]) || page_[i + 2] == '>');
  return is_letter(sign) || sign == '!' || sign == '?';
}

inline void HtmlTokenizer::skip_past(std::string_view words) {
  std::size_t const found = page_.find(words, position_);
  position_ = found == std::string_view::npos ? page_.size() : found + words.size();
}

inline void HtmlTokenizer::skip_spaces() {
  while (position_ < page_.size() && is_html_space(page_[position_])) ++position_;
}

inline void HtmlTokenizer::read_text(HtmlToken& token) {
  std::size_t end = position_;
  do {
    end = std::min(page_.find('<', end + 1), page_.size());
  } while (end < page_.size() && !is_markup(end));
  token = {.kind = HtmlTokenKind::text, .text = page_.substr(position_, end - position_)};
  position_ = end;
}

inline void HtmlTokenizer::read_raw_text(HtmlToken& token) {
  std::size_t end = position_;
  for (;; ++end) {
    end = std::min(page_.find("</", end), page_.size());
    if (end == page_.size() ||
        equal_ignoring_case(page_.substr(end + 2, raw_element_.size()), raw_element_))
      break;
  }
  token = {.kind = HtmlTokenKind::raw_text,
           .text = page_.substr(position_, end - position_),
           .name = raw_element_};
  raw_element_ = {};
  position_ = end;
}

inline void HtmlTokenizer::read_tag(HtmlToken& token) {
  bool const is_end = page_[position_ + 1] == '/';
  token.kind = is_end ? HtmlTokenKind::end_tag : HtmlTokenKind::start_tag;
  position_ += is_end ? 2 : 1;
  std::size_t const name_begin = position_;
  while (position_ < page_.size() && !is_html_space(page_[position_]) && page_[position_] != '/' &&
         page_[position_] != '>') {
    ++position_;
  }
  token.name = page_.substr(name_begin, position_ - name_begin);
  for (skip_spaces(); position_ < page_.size() && page_[position_] != '>'; skip_spaces()) {
    if (page_[position_] == '/') {
      ++position_;
    } else {
      read_attribute(token);
    }
  }
  if (position_ < page_.size()) ++position_;  // '>'
  constexpr std::array<std::string_view, 6> raw{"script", "style", "textarea",
                                                "title",  "xmp",   "iframe"};
  bool const is_raw = std::any_of(raw.begin(), raw.end(), [&](std::string_view name) {
    return equal_ignoring_case(name, token.name);
  });
  if (is_raw && !is_end) raw_element_ = token.name;
}

inline void HtmlTokenizer::read_attribute(HtmlToken& token) {
  std::size_t const begin = position_++;  // even a '=' here begins a name
  while (position_ < page_.size() && !is_html_space(page_[position_]) && page_[position_] != '/' &&
         page_[position_] != '>' && page_[position_] != '=') {
    ++position_;
  }
  std::string_view const name = page_.substr(begin, position_ - begin);
  skip_spaces();
  if (position_ >= page_.size() || page_[position_] != '=') return;
  ++position_;
  skip_spaces();
  std::string_view const value = read_value();
  if (equal_ignoring_case(name, "id") && token.id.empty()) token.id = value;
  if (equal_ignoring_case(name, "class") && token.class_names.empty()) token.class_names = value;
}

inline std::string_view HtmlTokenizer::read_value() {
  if (position_ >= page_.size()) return {};
  char const quote = page_[position_];
  std::size_t begin = position_;
  if (quote == '"' || quote == '\'') {
    ++begin;
    ++position_;
    skip_past(std::string_view(&quote, 1));
    std::size_t const end =
        page_[position_ - 1] == quote && position_ > begin ? position_ - 1 : position_;
    return page_.substr(begin, end - begin);
  }
  while (position_ < page_.size() && !is_html_space(page_[position_]) && page_[position_] != '>')
    ++position_;
  return page_.substr(begin, position_ - begin);
}

}  // namespace demo
