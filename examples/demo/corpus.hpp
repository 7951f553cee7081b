/// The demo's text: documents by language and split, and an account of every character that was read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/io/sha256.hpp>

namespace demo {

using accrete::Index;

enum class Split : std::uint8_t { train, validation, test };
inline constexpr std::size_t split_count = 3;

[[nodiscard]] constexpr std::string_view name_of(Split split) {
  constexpr std::array<std::string_view, split_count> names{"train", "validation", "test"};
  return names[static_cast<std::size_t>(split)];
}

/// The split of a document, by the hash of its name: 90 % train, 5 % validation, 5 % test. A name without its language
/// puts the translations of a page into one split, so that no test page was seen in another language.
[[nodiscard]] inline Split split_of(std::string_view document_name) {
  accrete::Sha256 hash;
  hash.update(document_name);
  std::uint64_t number = 0;
  auto const digest = hash.digest();
  for (std::size_t i = 0; i < 8; ++i) number = number << 8 | digest[i];
  std::uint64_t const percent = number % 100;
  return percent < 90 ? Split::train : percent < 95 ? Split::validation : Split::test;
}

/// Why characters were left out.
enum class DropReason : std::uint8_t {
  script_or_style,
  navigation,
  other_system,
  not_utf8,
  duplicate,
  other_script
};
inline constexpr std::size_t drop_reason_count = 6;

[[nodiscard]] constexpr std::string_view name_of(DropReason reason) {
  constexpr std::array<std::string_view, drop_reason_count> names{
      "scripts and style sheets", "navigation",
      "text for another system",  "not UTF-8",
      "duplicate paragraphs",     "under 30 % letters of the script"};
  return names[static_cast<std::size_t>(reason)];
}

/// Characters are code points; the line breaks between paragraphs count as kept.
struct CorpusAccount {
  Index pages = 0;      ///< that were read
  Index documents = 0;  ///< that have text left
  Index paragraphs = 0;
  std::array<Index, split_count> kept{};
  std::array<Index, drop_reason_count> dropped{};

  [[nodiscard]] Index& kept_in(Split split) { return kept[static_cast<std::size_t>(split)]; }
  [[nodiscard]] Index& dropped_for(DropReason reason) {
    return dropped[static_cast<std::size_t>(reason)];
  }
  [[nodiscard]] Index kept_in_all() const {
    return std::accumulate(kept.begin(), kept.end(), Index{0});
  }
};

/// Documents in UTF-8, a line per paragraph, in the order of their names.
struct LanguageText {
  std::string language;  ///< "en", "ru", "zh", or what the user calls it
  std::array<std::vector<std::string>, split_count> documents{};
  CorpusAccount account{};

  [[nodiscard]] std::vector<std::string>& in(Split split) {
    return documents[static_cast<std::size_t>(split)];
  }
  [[nodiscard]] std::vector<std::string> const& in(Split split) const {
    return documents[static_cast<std::size_t>(split)];
  }
};

struct Corpus {
  std::vector<LanguageText> languages{};
  std::vector<std::string> sources{};  ///< packages with their versions, or the user's paths

  /// ValueError if the corpus has no such language.
  [[nodiscard]] LanguageText const& at(std::string_view language) const {
    for (LanguageText const& text : languages) {
      if (text.language == language) return text;
    }
    throw accrete::ValueError(accrete::message("corpus: no text in the language ", language));
  }
};

}  // namespace demo
