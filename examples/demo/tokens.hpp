/// The corpus as tokens: what the models train on and what they are measured by.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include <accrete/accrete.hpp>
#include <accrete/text/utf8.hpp>

#include "corpus.hpp"

namespace demo {

using accrete::TokenId;

/// Text that is scored, with the number of characters (code points) that its tokens spell.
struct ScoredText {
  std::vector<TokenId> tokens;
  Index code_points = 0;
};

struct LanguageTokens {
  std::string language;
  std::shared_ptr<accrete::TokenSource const> train;
  std::vector<TokenId> train_tokens;
  ScoredText validation, test;
};

namespace detail {

/// The first `limit` tokens of the documents, without marks between them: every character is predicted, and nothing
/// but characters.
[[nodiscard]] inline ScoredText scored_text(accrete::BpeTokenizer const& tokenizer,
                                            std::vector<std::string> const& documents, Index limit) {
  ScoredText text;
  for (std::string const& document : documents) {
    auto ids = tokenizer.encode(document);
    Index const room = limit - static_cast<Index>(text.tokens.size());
    if (static_cast<Index>(ids.size()) > room) ids.resize(static_cast<std::size_t>(room));
    text.tokens.insert(text.tokens.end(), ids.begin(), ids.end());
    if (static_cast<Index>(text.tokens.size()) == limit) break;
  }
  // A byte token may have been cut off from its character: whole characters alone are scored.
  while (!text.tokens.empty()) {
    std::string const spelled = tokenizer.decode(text.tokens);
    auto const continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
    auto const last = std::find_if_not(spelled.rbegin(), spelled.rend(), continues);
    if (spelled.find("\xEF\xBF\xBD", spelled.size() - static_cast<std::size_t>(last - spelled.rbegin()) -
                                         (last == spelled.rend() ? 0 : 1)) == std::string::npos) {
      text.code_points = static_cast<Index>(spelled.size()) -
                         static_cast<Index>(std::count_if(spelled.begin(), spelled.end(), continues));
      break;
    }
    text.tokens.pop_back();
  }
  return text;
}

}  // namespace detail

/// Encodes every language; the training text of all is cut to that of the shortest, so that no language outweighs
/// another.
[[nodiscard]] inline std::vector<LanguageTokens> encode_corpus(Corpus const& corpus,
                                                               accrete::Vocabulary const& vocabulary,
                                                               Index scored_tokens) {
  accrete::BpeTokenizer const tokenizer(vocabulary);
  std::vector<LanguageTokens> result;
  std::size_t shortest = static_cast<std::size_t>(-1);
  for (LanguageText const& text : corpus.languages) {
    LanguageTokens tokens{.language = text.language,
                          .train = nullptr,
                          .train_tokens = {},
                          .validation = detail::scored_text(tokenizer, text.in(Split::validation), scored_tokens),
                          .test = detail::scored_text(tokenizer, text.in(Split::test), scored_tokens)};
    accrete::DocumentEncoder encoder(tokenizer);
    for (std::string const& document : text.in(Split::train)) encoder.append(document, tokens.train_tokens);
    shortest = std::min(shortest, tokens.train_tokens.size());
    result.push_back(std::move(tokens));
  }
  for (LanguageTokens& tokens : result) {
    tokens.train_tokens.resize(shortest);
    tokens.train = std::make_shared<accrete::TokenVector>(tokens.train_tokens);
  }
  return result;
}

}  // namespace demo
