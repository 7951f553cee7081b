/// The paragraphs of an HTML page, without what surrounds them: scripts, styles, navigation.
///
/// Made for pages from anywhere: it never throws on bad markup, reads each byte once, and holds one paragraph and at
/// most 256 open elements at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <accrete/core/index.hpp>

#include "html_entities.hpp"
#include "html_tags.hpp"
#include "html_tokenizer.hpp"

namespace demo {

using accrete::Index;

/// What of a page is text, beyond what HTML itself says.
struct HtmlRules {
  std::string_view
      only_inside_id{};  ///< text counts only inside the element of this id; anywhere unless given
  std::vector<std::string_view> navigation_classes{};
  std::vector<std::string_view> navigation_ids{};
  std::vector<std::string_view>
      excluded_classes{};  ///< text for other readers, such as users of another system
};

/// Characters that were passed over, white space as it would show.
struct SkippedHtml {
  Index scripts = 0;     ///< scripts and style sheets
  Index navigation = 0;  ///< and all else outside the article
  Index excluded = 0;    ///< of the excluded classes
};

/// Calls `on_paragraph(std::string_view)` for each paragraph, heading, item and table cell that is not empty.
/// Character references are decoded, white space is one space between words, except in preformatted text, which keeps
/// its lines. What is not UTF-8 in the page is not UTF-8 in the paragraph.
template <class OnParagraph>
SkippedHtml extract_html_text(std::string_view page, HtmlRules const& rules,
                              OnParagraph&& on_paragraph);

namespace detail {

/// Follows which elements are open; says where text belongs.
class HtmlPlace {
 public:
  enum class Kind : std::uint8_t { plain, article, navigation, excluded };

  explicit HtmlPlace(HtmlRules const& rules) : rules_(rules) {}

  void open(HtmlTag tag, HtmlToken const& token);
  void close(HtmlTag tag);

  /// article: text to keep.
  [[nodiscard]] Kind kind() const {
    if (count(Kind::excluded) > 0) return Kind::excluded;
    bool const outside = !rules_.only_inside_id.empty() && count(Kind::article) == 0;
    return outside || count(Kind::navigation) > 0 ? Kind::navigation : Kind::article;
  }
  [[nodiscard]] bool preformatted() const { return open_[index_of(HtmlTag::pre)] > 0; }

 private:
  struct Element {
    HtmlTag tag;
    Kind kind;
  };
  static constexpr std::size_t deepest = 256;

  [[nodiscard]] static std::size_t index_of(HtmlTag tag) { return static_cast<std::size_t>(tag); }
  [[nodiscard]] Index count(Kind kind) const { return kinds_[static_cast<std::size_t>(kind)]; }
  [[nodiscard]] Kind kind_of(HtmlTag tag, HtmlToken const& token) const;
  /// Elements that end by themselves where `next` begins: an item before the next item, a paragraph before a list.
  void close_implied(HtmlTag next);
  void pop();

  HtmlRules const& rules_;
  std::vector<Element> elements_;
  std::array<Index, html_tag_count> open_{};  // of each tag, how many are in elements_
  std::array<Index, 4> kinds_{};
  std::size_t too_deep_ = 0;  // open elements that elements_ has no room for
};

inline HtmlPlace::Kind HtmlPlace::kind_of(HtmlTag tag, HtmlToken const& token) const {
  auto const among = [](std::vector<std::string_view> const& names, std::string_view name) {
    for (std::string_view const each : names) {
      if (each == name) return true;
    }
    return false;
  };
  if (is_navigation(tag)) return Kind::navigation;
  if (!token.id.empty()) {
    if (token.id == rules_.only_inside_id) return Kind::article;
    if (among(rules_.navigation_ids, token.id)) return Kind::navigation;
  }
  std::string_view rest = token.class_names;
  while (!rest.empty()) {
    std::size_t const end = std::min(rest.find_first_of(" \t\n\r\f"), rest.size());
    if (among(rules_.navigation_classes, rest.substr(0, end))) return Kind::navigation;
    if (among(rules_.excluded_classes, rest.substr(0, end))) return Kind::excluded;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return Kind::plain;
}

inline void HtmlPlace::open(HtmlTag tag, HtmlToken const& token) {
  if (is_void(tag)) return;
  close_implied(tag);
  if (elements_.size() == deepest) {
    ++too_deep_;
    return;
  }
  Kind const kind = kind_of(tag, token);
  elements_.push_back({tag, kind});
  ++open_[index_of(tag)];
  ++kinds_[static_cast<std::size_t>(kind)];
}

inline void HtmlPlace::close(HtmlTag tag) {
  if (is_void(tag)) return;
  if (too_deep_ > 0) {
    --too_deep_;
    return;
  }
  if (open_[index_of(tag)] == 0) return;
  while (elements_.back().tag != tag) pop();
  pop();
}

inline void HtmlPlace::close_implied(HtmlTag next) {
  for (std::size_t depth = elements_.size(); depth-- > 0;) {
    HtmlTag const tag = elements_[depth].tag;
    if (ends_before(tag, next)) {
      while (elements_.size() > depth) pop();
      return;
    }
    if (!lets_look_through(tag, next)) return;
  }
}

inline void HtmlPlace::pop() {
  --open_[index_of(elements_.back().tag)];
  --kinds_[static_cast<std::size_t>(elements_.back().kind)];
  elements_.pop_back();
}

/// Puts a paragraph together, or only counts the characters that it would have.
class ParagraphBuilder {
 public:
  /// Text with its character references; white space collapses unless `preformatted`.
  void add(std::string_view text, bool preformatted);
  void add_break(bool preformatted) { preformatted ? put("\n") : add(" ", false); }

  /// The paragraph so far, which is empty or ends with a visible character; then begins anew.
  [[nodiscard]] std::string take();

 private:
  void put(std::string_view character) {
    if (space_pending_ && !paragraph_.empty()) paragraph_ += ' ';
    space_pending_ = false;
    paragraph_ += character;
  }

  std::string paragraph_;
  bool space_pending_ = false;
};

inline void ParagraphBuilder::add(std::string_view text, bool preformatted) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size();) {
    std::string_view character = text.substr(i, 1);
    std::size_t length = 1;
    if (text[i] == '&') {
      if (auto const entity = decode_html_entity(text.substr(i))) {
        decoded.clear();
        accrete::append_utf8(decoded, entity->code_point);
        character = decoded;
        length = entity->length;
      }
    } else if (text.substr(i, 2) == "\xC2\xA0") {
      character = text.substr(i, length = 2);
    }
    i += length;
    bool const is_space = character == "\xC2\xA0" || is_html_space(character.front());
    if (!is_space) {
      put(character);
    } else if (!preformatted) {
      space_pending_ = true;
    } else if (character != "\r") {
      put(character == "\n" || character == "\t" ? character : " ");
    }
  }
}

inline std::string ParagraphBuilder::take() {
  std::string paragraph = std::move(paragraph_);
  paragraph_.clear();
  space_pending_ = false;
  paragraph.erase(paragraph.find_last_not_of(" \t\n") + 1);
  paragraph.erase(0, paragraph.find_first_not_of('\n'));
  return paragraph;
}

/// Code points, counted by their first bytes.
[[nodiscard]] inline Index count_characters(std::string_view text) {
  Index count = 0;
  for (char const c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

}  // namespace detail

template <class OnParagraph>
SkippedHtml extract_html_text(std::string_view page, HtmlRules const& rules,
                              OnParagraph&& on_paragraph) {
  using Kind = detail::HtmlPlace::Kind;
  SkippedHtml skipped;
  detail::HtmlPlace place(rules);
  detail::ParagraphBuilder kept, navigation, excluded;
  auto const end_paragraph = [&] {
    if (std::string const paragraph = kept.take(); !paragraph.empty())
      on_paragraph(std::string_view(paragraph));
    skipped.navigation += detail::count_characters(navigation.take());
    skipped.excluded += detail::count_characters(excluded.take());
  };
  auto const builder = [&]() -> detail::ParagraphBuilder& {
    Kind const kind = place.kind();
    return kind == Kind::article ? kept : kind == Kind::excluded ? excluded : navigation;
  };

  HtmlTokenizer tokenizer(page);
  for (HtmlToken token; tokenizer.next(token);) {
    if (token.kind == HtmlTokenKind::text) {
      builder().add(token.text, place.preformatted());
      continue;
    }
    HtmlTag const tag = find_html_tag(token.name);
    if (token.kind == HtmlTokenKind::raw_text) {
      Index& count =
          tag == HtmlTag::script || tag == HtmlTag::style ? skipped.scripts : skipped.navigation;
      count += detail::count_characters(token.text);
      continue;
    }
    if (tag == HtmlTag::br) {
      builder().add_break(place.preformatted());
      continue;
    }
    if (tag == HtmlTag::unknown) continue;
    if (is_block(tag)) end_paragraph();
    if (token.kind == HtmlTokenKind::start_tag) {
      place.open(tag, token);
    } else {
      place.close(tag);
    }
  }
  end_paragraph();
  return skipped;
}

}  // namespace demo
