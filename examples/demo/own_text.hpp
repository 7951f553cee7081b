/// The user's own text in place of the demo's: `--text en=notes.txt --text ru=books/`.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/io/atomic_file.hpp>
#include <accrete/text/utf8.hpp>

#include "corpus.hpp"

namespace demo {

struct OwnText {
  std::string language;
  std::filesystem::path path;  ///< a text file, or a folder of them
};

/// Reads "LANG=PATH". ValueError if it is something else.
[[nodiscard]] OwnText parse_own_text(std::string_view argument);

/// Text as it stands, without any filter. Each file of a folder (hidden ones aside) is a document and goes to a split
/// by its name; so translations under one name stay together. Where that leaves a split empty, as it does for a single
/// file, the text is cut between paragraphs into at most 400 pieces, of which every twentieth is for validation, and
/// every twentieth for the test.
/// FileError for unreadable files, and with the offset for what is not UTF-8; ValueError for too little text.
[[nodiscard]] Corpus load_own_text(std::vector<OwnText> const& texts);

namespace detail {

struct NamedDocument {
  std::string name;
  std::string text;
};

inline constexpr std::uint64_t largest_own_file = std::uint64_t{1} << 30;

[[nodiscard]] inline std::string read_own_file(std::filesystem::path const& path) {
  std::string text = accrete::read_file(path, largest_own_file);
  static_cast<void>(accrete::count_code_points(
      text, path.string()));  // throws with the offset unless it is UTF-8
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);  // a mark of the file, not of its text
  std::erase(text, '\r');
  text.erase(text.find_last_not_of(" \t\n") + 1);
  return text;
}

[[nodiscard]] inline std::vector<NamedDocument> read_own_documents(
    std::filesystem::path const& path) {
  if (!std::filesystem::is_directory(path))
    return {{path.filename().string(), read_own_file(path)}};
  std::vector<NamedDocument> documents;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(path, error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().filename().string().starts_with('.')) {
      it.disable_recursion_pending();
    } else if (it->is_regular_file()) {
      std::string text = read_own_file(it->path());
      if (!text.empty())
        documents.push_back(
            {it->path().lexically_relative(path).generic_string(), std::move(text)});
    }
  }
  if (error) throw accrete::FileError(path.string(), error.message());
  std::sort(documents.begin(), documents.end(),
            [](auto const& a, auto const& b) { return a.name < b.name; });
  return documents;
}

/// Where a paragraph that begins at or after `from` begins: behind an empty line, or behind any line where the text
/// has no empty ones; the text's end if there is none.
[[nodiscard]] inline std::size_t next_paragraph(std::string_view text, std::size_t from,
                                                bool has_empty_lines) {
  std::string_view const separator = has_empty_lines ? "\n\n" : "\n";
  std::size_t const found = text.find(separator, from);
  return found == std::string_view::npos ? text.size() : text.find_first_not_of('\n', found);
}

/// Pieces of at least `size` bytes, cut between paragraphs.
inline void cut_into_pieces(std::string_view text, std::size_t size,
                            std::vector<std::string>& pieces) {
  bool const has_empty_lines = text.find("\n\n") != std::string_view::npos;
  while (!text.empty()) {
    std::size_t const end =
        std::min(next_paragraph(text, std::min(size, text.size()), has_empty_lines), text.size());
    std::string piece(text.substr(0, end));
    piece.erase(piece.find_last_not_of('\n') + 1);
    if (!piece.empty()) pieces.push_back(std::move(piece));
    text.remove_prefix(end);
  }
}

[[nodiscard]] inline bool has_empty_split(LanguageText const& text) {
  return std::any_of(text.documents.begin(), text.documents.end(),
                     [](auto const& split) { return split.empty(); });
}

[[nodiscard]] inline LanguageText split_by_name(std::string const& language,
                                                std::vector<NamedDocument> const& documents) {
  LanguageText text{language};
  for (NamedDocument const& document : documents)
    text.in(split_of(document.name)).push_back(document.text);
  return text;
}

[[nodiscard]] inline LanguageText split_by_pieces(std::string const& language,
                                                  std::vector<NamedDocument> const& documents) {
  std::size_t bytes = 0;
  for (NamedDocument const& document : documents) bytes += document.text.size();
  std::vector<std::string> pieces;
  for (NamedDocument const& document : documents)
    cut_into_pieces(document.text, bytes / 400 + 1, pieces);
  LanguageText text{language};
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    Split const split = i % 20 == 9 ? Split::validation : i % 20 == 19 ? Split::test : Split::train;
    text.in(split).push_back(std::move(pieces[i]));
  }
  return text;
}

}  // namespace detail

inline OwnText parse_own_text(std::string_view argument) {
  std::size_t const equals = argument.find('=');
  if (equals == 0 || equals == std::string_view::npos || equals + 1 == argument.size()) {
    throw accrete::ValueError(
        accrete::message("expected LANG=PATH, such as en=notes.txt, got ", argument));
  }
  return {std::string(argument.substr(0, equals)),
          std::filesystem::path(argument.substr(equals + 1))};
}

inline Corpus load_own_text(std::vector<OwnText> const& texts) {
  Corpus corpus;
  for (OwnText const& own : texts) {
    std::vector<detail::NamedDocument> const documents = detail::read_own_documents(own.path);
    LanguageText text = detail::split_by_name(own.language, documents);
    if (detail::has_empty_split(text)) text = detail::split_by_pieces(own.language, documents);
    if (detail::has_empty_split(text)) {
      throw accrete::ValueError(
          accrete::message(own.path.string(), ": expected at least 20 paragraphs or documents"));
    }
    text.account.pages = static_cast<Index>(documents.size());
    for (std::size_t s = 0; s < split_count; ++s) {
      for (std::string const& document : text.documents[s]) {
        ++text.account.documents;
        text.account.paragraphs += 1 + std::count(document.begin(), document.end(), '\n');
        text.account.kept[s] += static_cast<Index>(accrete::count_code_points(document));
      }
    }
    corpus.languages.push_back(std::move(text));
    corpus.sources.push_back(own.path.string());
  }
  return corpus;
}

}  // namespace demo
