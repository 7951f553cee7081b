/// The published vocabularies bvv241-2-3 and bvv241-max, built from their n-gram lists.
///
/// Source: A. Bochkov, "Emergent Semantics Beyond Token Embeddings" (arXiv 2507.04886), and the
/// lists that accompany it. Ids below D800 and from F900 to FFFE are code points; E000 to E0FF are
/// special; n-grams take the places that are left, the longest first, then in the order of their
/// code points.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/io/atomic_file.hpp>
#include <accrete/text/ngram_list.hpp>
#include <accrete/text/ngram_splits.hpp>
#include <accrete/text/utf8.hpp>
#include <accrete/text/vocabulary.hpp>

ACCRETE_BEGIN_NAMESPACE

/// bvv241-2-3: 65,536 tokens, of which up to 8,192 are the 338 most frequent 2-grams and 3-grams of
/// each language. What finds no place takes no part in merges. FileError for a file that is no such
/// list.
[[nodiscard]] Vocabulary build_bvv241_2_3(std::filesystem::path const& ngram_list);

/// bvv241-max: 131,072 tokens. Its n-grams are the 906 most frequent 2- to 5-grams of each language
/// and up to 65,536 of the shortest lines of several characters in a second file.
[[nodiscard]] Vocabulary build_bvv241_max(std::filesystem::path const& ngram_list,
                                          std::filesystem::path const& shared_strings);

// -------------------------------------------------------------------------------------------------

namespace detail {

/// The token of an id from E000 to E0FF.
inline Token bvv241_special_token(TokenId id) {
  constexpr std::string_view names[] = {
      "<pad>",
      "<s>",
      "</s>",
      "<unk>",
      "<think>",
      "</think>",
      "<emotions>",
      "</emotions>",
      "<tool_call>",
      "</tool_call>",
      "<tool_response>",
      "</tool_response>",
      "[INST]",
      "[/INST]",
      "[EOT]",
      "[USER]",
      "[ASSISTANT]",
      "[FIM_PREFIX]",
      "[FIM_MIDDLE]",
      "[FIM_SUFFIX]",
      "[FIM_PAD]",
      "[REPO_NAME]",
      "[FILE_SEP]",
  };
  auto const place = static_cast<std::size_t>(id - 0xE000);
  if (place < std::size(names)) return {std::string(names[place]), TokenKind::special};
  return {message("<special_token_", id, ">"), TokenKind::reserved};
}

struct LongestFirst {
  [[nodiscard]] bool operator()(std::string const& a, std::string const& b) const {
    std::size_t const a_length = count_code_points(a);
    std::size_t const b_length = count_code_points(b);
    return a_length != b_length ? a_length > b_length : a < b;  // UTF-8 sorts as its code points do
  }
};

using NgramSet = std::set<std::string, LongestFirst>;

/// Adds the first `most_frequent` n-grams of each language and length.
inline void add_most_frequent(std::filesystem::path const& ngram_list, std::size_t most_frequent,
                              NgramSet& pool) {
  for (LanguageNgrams const& language : read_ngram_list(ngram_list)) {
    for (auto const& [length, ngrams] : language.by_length) {
      if (length < 2) continue;
      auto const count = std::min(ngrams.size(), most_frequent);
      pool.insert(ngrams.begin(), ngrams.begin() + static_cast<std::ptrdiff_t>(count));
    }
  }
}

/// Adds the first `most` lines of several code points, the shortest first.
inline void add_shortest_lines(std::filesystem::path const& path, std::size_t most,
                               NgramSet& pool) {
  std::string const text = read_file(path, std::uint64_t{256} << 20);
  static_cast<void>(
      count_code_points(text, path.string()));  // refuses invalid UTF-8 at its place in the file
  std::vector<std::string> lines;
  for (std::size_t start = 0; start < text.size();) {
    std::size_t const end = std::min(text.find('\n', start), text.size());
    std::string line = text.substr(start, end - start);
    if (count_code_points(line) > 1) lines.push_back(std::move(line));
    start = end + 1;
  }
  std::stable_sort(lines.begin(), lines.end(), [](std::string const& a, std::string const& b) {
    return count_code_points(a) < count_code_points(b);
  });
  lines.resize(std::min(lines.size(), most));
  pool.insert(lines.begin(), lines.end());
}

inline Vocabulary build_bvv241(TokenId size, NgramSet const& pool) {
  auto const is_code_point = [](TokenId id) {
    return id < 0xD800 || (id >= 0xF900 && id < 0xFFFF);
  };
  auto const is_special = [](TokenId id) { return id >= 0xE000 && id < 0xE100; };

  std::vector<Token> tokens;
  std::vector<std::string> placed;
  auto next_ngram = pool.begin();
  for (TokenId id = 0; id < size; ++id) {
    if (is_code_point(id)) {
      tokens.push_back({to_utf8(std::u32string(1, static_cast<char32_t>(id))), TokenKind::text});
    } else if (is_special(id)) {
      tokens.push_back(bvv241_special_token(id));
    } else if ((id & 0xFFFF) != 0xFFFF && next_ngram != pool.end()) {
      placed.push_back(*next_ngram++);
      tokens.push_back({placed.back(), TokenKind::text});
    } else {
      tokens.push_back({message("<unused_", id, ">"), TokenKind::reserved});
    }
  }

  std::unordered_map<std::string_view, TokenId> ids;
  for (TokenId id = 0; id < size; ++id) {
    Token const& token = tokens[static_cast<std::size_t>(id)];
    if (token.kind == TokenKind::text) ids.emplace(token.spelling, id);
  }
  return Vocabulary(tokens, all_splits(placed, ids));
}

}  // namespace detail

inline Vocabulary build_bvv241_2_3(std::filesystem::path const& ngram_list) {
  detail::NgramSet pool;
  detail::add_most_frequent(ngram_list, 338, pool);
  return detail::build_bvv241(0x10000, pool);
}

inline Vocabulary build_bvv241_max(std::filesystem::path const& ngram_list,
                                   std::filesystem::path const& shared_strings) {
  detail::NgramSet pool;
  detail::add_most_frequent(ngram_list, 906, pool);
  detail::add_shortest_lines(shared_strings, 65536, pool);
  return detail::build_bvv241(0x20000, pool);
}

ACCRETE_END_NAMESPACE
