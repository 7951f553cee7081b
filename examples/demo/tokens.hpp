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
                                            std::vector<std::string> const& documents,
                                            Index limit) {
  ScoredText text;
  for (std::string const& document : documents) {
    auto ids = tokenizer.encode(document);
    Index const room = limit - static_cast<Index>(text.tokens.size());
    if (static_cast<Index>(ids.size()) > room) ids.resize(static_cast<std::size_t>(room));
    text.tokens.insert(text.tokens.end(), ids.begin(), ids.end());
    if (static_cast<Index>(text.tokens.size()) == limit) break;
  }
  // A cut may have parted the byte tokens of one character: the text ends behind a token of whole characters.
  auto const& vocabulary = tokenizer.vocabulary();
  while (!text.tokens.empty() && vocabulary.kind(text.tokens.back()) == accrete::TokenKind::byte)
    text.tokens.pop_back();
  text.code_points =
      static_cast<Index>(accrete::count_code_points(tokenizer.decode(text.tokens), "scored text"));
  return text;
}

}  // namespace detail

/// Encodes every language; the training text of all is cut to that of the shortest, so that no language outweighs
/// another.
[[nodiscard]] inline std::vector<LanguageTokens> encode_corpus(
    Corpus const& corpus, accrete::Vocabulary const& vocabulary, Index scored_tokens) {
  accrete::BpeTokenizer const tokenizer(vocabulary);
  std::vector<LanguageTokens> result;
  std::size_t shortest = static_cast<std::size_t>(-1);
  for (LanguageText const& text : corpus.languages) {
    LanguageTokens tokens{
        .language = text.language,
        .train = nullptr,
        .train_tokens = {},
        .validation = detail::scored_text(tokenizer, text.in(Split::validation), scored_tokens),
        .test = detail::scored_text(tokenizer, text.in(Split::test), scored_tokens)};
    accrete::DocumentEncoder encoder(tokenizer);
    for (std::string const& document : text.in(Split::train))
      encoder.append(document, tokens.train_tokens);
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
