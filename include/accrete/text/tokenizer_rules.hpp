/// What a tokenizer does around byte pair encoding.
#pragma once

#include <optional>
#include <vector>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/text/split_rule.hpp>
#include <accrete/text/vocabulary.hpp>

ACCRETE_BEGIN_NAMESPACE

/// A token that is found in the text as it is spelled, before all else.
struct AddedToken {
  TokenId id = -1;
  bool is_special = true;      // stands for no text: not found where special tokens are plain text
  bool is_found_late = false;  // only in what those that are found early leave over

  bool operator==(AddedToken const&) const = default;
};

/// How text becomes the words of byte pair encoding, and what is put around its tokens.
///
/// `byte_level`: the vocabulary's tokens are spelled in ByteAlphabet, which stands for bytes.
struct TokenizerRules {
  SplitRule split = SplitRule::none;
  bool byte_level = false;
  bool prefix_space = false;  // a space before text that begins with none
  bool whole_pieces_first =
      false;  // a piece that is a token is this token, whatever the merges say
  std::optional<TokenId> unknown{};  // of code points (or bytes) that are no token
  bool fuse_unknown = false;         // several in a row become one
  TokenId merged_size = 0;  // V less the added tokens that are not in the merges' vocabulary
  std::vector<AddedToken> added{};  // by id
  std::vector<TokenId> before{};    // marks around a text, where they are asked for
  std::vector<TokenId> behind{};

  bool operator==(TokenizerRules const&) const = default;
};

/// The rules that BpeTokenizer follows: no split, special tokens early, `<unk>` for what no token
/// spells.
[[nodiscard]] inline TokenizerRules plain_tokenizer_rules(Vocabulary const& vocabulary) {
  TokenizerRules rules{.merged_size = static_cast<TokenId>(vocabulary.size())};
  for (TokenId id = 0; id < vocabulary.size(); ++id)
    if (vocabulary.kind(id) == TokenKind::special) rules.added.push_back({.id = id});
  std::optional<TokenId> const unknown = vocabulary.find("<unk>");
  if (unknown && vocabulary.kind(*unknown) == TokenKind::special) rules.unknown = unknown;
  return rules;
}

ACCRETE_END_NAMESPACE
