/// The merges that make n-grams of their parts.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/text/utf8.hpp>
#include <accrete/text/vocabulary.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

/// For each n-gram, every cut into two parts that are tokens themselves, the shorter left part
/// first.
inline std::vector<TokenPair> all_splits(std::vector<std::string> const& ngrams,
                                         std::unordered_map<std::string_view, TokenId> const& ids) {
  std::vector<TokenPair> merges;
  for (std::string_view const ngram : ngrams) {
    CodePointCursor cursor(ngram);
    for (cursor.next(); !cursor.done(); cursor.next()) {
      auto const left = ids.find(ngram.substr(0, cursor.offset()));
      auto const right = ids.find(ngram.substr(cursor.offset()));
      if (left != ids.end() && right != ids.end()) merges.push_back({left->second, right->second});
    }
  }
  return merges;
}

}  // namespace detail

ACCRETE_END_NAMESPACE
