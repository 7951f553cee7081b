/// Makes a tokenizer of the parts of a tokenizer.json. Include tokenizer_json.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/text/json_path_reader.hpp>
#include <accrete/text/tokenizer.hpp>
#include <accrete/text/tokenizer_json_parts.hpp>
#include <accrete/text/tokenizer_rules.hpp>
#include <accrete/text/utf8.hpp>
#include <accrete/text/vocabulary.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

struct TokenizerJsonParts {
  JsonBpeModel model{};
  std::vector<JsonAddedToken> added{};
  JsonPreTokenizer pre_tokenizer{};
  JsonMarks marks{};
  std::optional<bool> byte_level_decoder{};
  std::uint64_t decoder_offset = 0;
};

class TokenizerJsonAssembly {
 public:
  TokenizerJsonAssembly(JsonPathReader const& reader, TokenizerJsonParts const& parts)
      : reader_(reader), parts_(parts) {}

  [[nodiscard]] Tokenizer tokenizer();

 private:
  void place_tokens();
  void find_merges();
  void check_merges_differ() const;
  void place_added_tokens();
  void check_bytes() const;
  void add_marks(std::vector<JsonSpelling> const& names, std::vector<TokenId>& ids) const;
  [[nodiscard]] TokenId part_of(JsonMerge const& merge, std::size_t rank,
                                std::string_view spelling) const;

  JsonPathReader const& reader_;
  TokenizerJsonParts const& parts_;
  std::vector<Token> tokens_;
  std::vector<bool> is_merged_;  // the token is part or result of a merge
  std::unordered_map<std::string_view, TokenId> ids_;
  std::vector<TokenPair> merges_;
  TokenizerRules rules_;
};

// -------------------------------------------------------------------------------------------------

inline Tokenizer TokenizerJsonAssembly::tokenizer() {
  place_tokens();
  find_merges();
  place_added_tokens();
  check_bytes();

  JsonPreTokenizer const& pre = parts_.pre_tokenizer;
  if (parts_.byte_level_decoder && *parts_.byte_level_decoder != pre.byte_level) {
    reader_.refuse(parts_.decoder_offset,
                   "decoder: does not fit the pre_tokenizer: ", pre.byte_level ? "only that" : "it",
                   " is byte-level");
  }
  rules_.split = pre.split;
  rules_.byte_level = pre.byte_level;
  rules_.prefix_space = pre.prefix_space;
  rules_.whole_pieces_first = parts_.model.ignore_merges;
  rules_.fuse_unknown = parts_.model.fuse_unknown;
  if (std::optional<JsonSpelling> const& unknown = parts_.model.unknown) {
    auto const found = ids_.find(unknown->text);
    if (found == ids_.end() || found->second >= rules_.merged_size)
      reader_.refuse(unknown->offset, "model.unk_token: ", excerpt(unknown->text), " is no token");
    rules_.unknown = found->second;
  }
  add_marks(parts_.marks.before, rules_.before);
  add_marks(parts_.marks.behind, rules_.behind);
  try {
    return Tokenizer(Vocabulary(tokens_, merges_), rules_);
  } catch (ValueError const& error) {
    reader_.refuse(parts_.model.offset, error.what());
  }
}

/// Each token to the place of its id: all below their number, none twice.
inline void TokenizerJsonAssembly::place_tokens() {
  std::deque<JsonVocabularyEntry> const& entries = parts_.model.vocabulary;
  tokens_.resize(entries.size());
  ids_.reserve(entries.size());
  for (JsonVocabularyEntry const& entry : entries) {
    auto const refuse = [&](auto const&... reason) {
      reader_.refuse(entry.offset, "model.vocab: ", excerpt(entry.spelling), ": ", reason...);
    };
    if (entry.id < 0 || static_cast<std::size_t>(entry.id) >= entries.size()) {
      refuse("expected an id from 0 to ", entries.size() - 1, ", each once, got ", entry.id);
    }
    auto const place = static_cast<std::size_t>(entry.id);
    if (!tokens_[place].spelling.empty())
      refuse("the same id ", entry.id, " as ", excerpt(tokens_[place].spelling));
    if (!ids_.emplace(entry.spelling, entry.id).second) refuse("the same token twice");
    std::optional<std::uint8_t> const byte =
        parts_.model.byte_fallback ? named_byte(entry.spelling) : std::nullopt;
    tokens_[place] = byte ? Token{std::string(1, static_cast<char>(*byte)), TokenKind::byte}
                          : Token{entry.spelling, TokenKind::text};
  }
  rules_.merged_size = static_cast<TokenId>(entries.size());
  is_merged_.resize(entries.size());
}

inline TokenId TokenizerJsonAssembly::part_of(JsonMerge const& merge, std::size_t rank,
                                              std::string_view spelling) const {
  auto const found = ids_.find(spelling);
  if (found == ids_.end())
    reader_.refuse(merge.offset, "model.merges[", rank, "]: ", excerpt(spelling), " is no token");
  if (tokens_[static_cast<std::size_t>(found->second)].kind == TokenKind::byte)
    reader_.refuse(merge.offset, "model.merges[", rank, "]: byte tokens have no merges");
  return found->second;
}

inline void TokenizerJsonAssembly::find_merges() {
  merges_.reserve(parts_.model.merge_count);
  JsonPathReader reader = reader_.from(parts_.model.merges_offset);
  reader.array([&](std::size_t rank) {
    JsonMerge const merge = read_merge(reader);
    TokenPair const pair{part_of(merge, rank, merge.left), part_of(merge, rank, merge.right)};
    TokenId const result = part_of(merge, rank, merge.left + merge.right);
    for (TokenId const id : {pair.left, pair.right, result})
      is_merged_[static_cast<std::size_t>(id)] = true;
    merges_.push_back(pair);
  });
  check_merges_differ();
}

inline void TokenizerJsonAssembly::check_merges_differ() const {
  std::vector<std::uint32_t> order(merges_.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return merges_[a] != merges_[b] ? merges_[a] < merges_[b] : a < b;
  });
  auto const twice = std::adjacent_find(
      order.begin(), order.end(),
      [&](std::uint32_t a, std::uint32_t b) { return merges_[a] == merges_[b]; });
  if (twice == order.end()) return;
  JsonPathReader reader = reader_.from(parts_.model.merges_offset);
  reader.array([&](std::size_t rank) {
    std::uint64_t const offset = read_merge(reader).offset;
    if (rank == twice[1]) reader_.refuse(offset, "model.merges[", rank, "]: the same pair twice");
  });
}

/// Added tokens that the model knows keep its id, others follow it in their order.
inline void TokenizerJsonAssembly::place_added_tokens() {
  std::unordered_set<TokenId> seen;
  for (std::size_t i = 0; i < parts_.added.size(); ++i) {
    JsonAddedToken const& added = parts_.added[i];
    auto const refuse = [&](auto const&... reason) {
      reader_.refuse(added.offset, "added_tokens[", i, "]: ", reason...);
    };
    auto const [place, is_new] =
        ids_.try_emplace(added.content, static_cast<TokenId>(tokens_.size()));
    if (added.id != place->second) {
      refuse(excerpt(added.content), ": expected the id ", place->second, ", got ", added.id);
    }
    if (!seen.insert(added.id).second) refuse(excerpt(added.content), " stands here twice");
    if (is_new) {
      tokens_.push_back({added.content, TokenKind::special});
    } else if (Token& token = tokens_[static_cast<std::size_t>(added.id)];
               token.kind == TokenKind::byte) {
      refuse("a byte token cannot be an added one");
    } else if (added.special && !is_merged_[static_cast<std::size_t>(added.id)] &&
               count_code_points(token.spelling) > 1) {
      token.kind = TokenKind::special;  // unless merges can make it of text
    }
    rules_.added.push_back(
        {.id = added.id, .is_special = added.special, .is_found_late = added.normalized});
  }
}

inline void TokenizerJsonAssembly::check_bytes() const {
  if (!parts_.model.byte_fallback) return;
  if (parts_.pre_tokenizer.byte_level) {
    reader_.refuse(parts_.model.offset,
                   "model.byte_fallback: is not supported together with a byte-level "
                   "pre_tokenizer");
  }
  std::vector<bool> found(256);
  for (Token const& token : tokens_)
    if (token.kind == TokenKind::byte) found[static_cast<std::uint8_t>(token.spelling[0])] = true;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    if (!found[byte])
      reader_.refuse(parts_.model.offset, "model.vocab: the token of byte ", byte, " is missing");
  }
}

inline void TokenizerJsonAssembly::add_marks(std::vector<JsonSpelling> const& names,
                                             std::vector<TokenId>& ids) const {
  for (JsonSpelling const& name : names) {
    auto const known = parts_.marks.ids.find(name.text);
    if (known == parts_.marks.ids.end() || known->second.empty())
      reader_.refuse(name.offset, "post_processor: ", excerpt(name.text), " has no ids");
    for (TokenId const id : known->second) {
      if (id < 0 || static_cast<std::size_t>(id) >= tokens_.size())
        reader_.refuse(name.offset, "post_processor: ", excerpt(name.text), ": ", id,
                       " is no token");
      ids.push_back(id);
    }
  }
}

}  // namespace detail

ACCRETE_END_NAMESPACE
