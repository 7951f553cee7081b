/// Decides which paragraphs of a language are kept, and keeps the account.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include <accrete/text/utf8.hpp>

#include "corpus.hpp"
#include "script.hpp"

namespace demo {

/// Collects the documents of one language. A paragraph is dropped if it is not UTF-8, if under 30 % of its characters
/// are letters of the script, or if it came before, in this document or another.
class ParagraphFilter {
 public:
  static constexpr double smallest_letter_share = 0.3;

  ParagraphFilter(std::string language, Script script)
      : text_{std::move(language)}, script_(script) {}

  void add_paragraph(std::string_view paragraph);
  /// Ends the document that the last paragraphs belong to.
  void end_document(std::string_view name);
  [[nodiscard]] CorpusAccount& account() { return text_.account; }
  [[nodiscard]] LanguageText take() && { return std::move(text_); }

 private:
  LanguageText text_;
  Script script_;
  std::unordered_set<std::string> seen_;
  std::string document_;
};

inline void ParagraphFilter::add_paragraph(std::string_view paragraph) {
  Index const characters =
      static_cast<Index>(std::count_if(paragraph.begin(), paragraph.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
      }));
  if (!accrete::is_valid_utf8(paragraph)) {
    account().dropped_for(DropReason::not_utf8) += characters;
  } else if (letter_share(paragraph, script_) < smallest_letter_share) {
    account().dropped_for(DropReason::other_script) += characters;
  } else if (!seen_.emplace(paragraph).second) {
    account().dropped_for(DropReason::duplicate) += characters;
  } else {
    if (!document_.empty()) document_ += '\n';
    document_ += paragraph;
    ++account().paragraphs;
  }
}

inline void ParagraphFilter::end_document(std::string_view name) {
  ++account().pages;
  if (document_.empty()) return;
  Split const split = split_of(name);
  ++account().documents;
  account().kept_in(split) += static_cast<Index>(accrete::count_code_points(document_));
  text_.in(split).push_back(std::exchange(document_, {}));
}

}  // namespace demo
