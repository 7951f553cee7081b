/// Makes a tokenizer of the parts of a tokenizer.json. Include tokenizer_json.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/io/memory_budget.hpp>
#include <accrete/text/json_path_reader.hpp>
#include <accrete/text/token_table.hpp>
#include <accrete/text/tokenizer.hpp>
#include <accrete/text/tokenizer_json_model.hpp>
#include <accrete/text/tokenizer_json_parts.hpp>
#include <accrete/text/tokenizer_rules.hpp>
#include <accrete/text/utf8.hpp>
#include <accrete/text/vocabulary.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

struct TokenizerJsonParts {
  JsonBpeModel model{};
  JsonList added{};
  JsonPreTokenizer pre_tokenizer{};
  JsonMarks marks{};
  std::optional<bool> byte_level_decoder{};
  std::uint64_t decoder_offset = 0;
};

class TokenizerJsonAssembly {
 public:
  TokenizerJsonAssembly(JsonPathReader const& reader, TokenizerJsonParts const& parts,
                        MemoryBudget budget)
      : reader_(reader), parts_(parts), budget_(budget) {}

  [[nodiscard]] Tokenizer tokenizer();

 private:
  void spend();
  [[nodiscard]] std::vector<std::uint64_t> offsets_of_tokens() const;
  void place_tokens();
  void find_merges();
  void check_merges_differ() const;
  void place_added_tokens();
  void place_known_token(JsonAddedToken const& added);
  void check_added_tokens_differ();
  void check_bytes() const;
  void add_marks(std::vector<JsonSpelling> const& names, std::vector<TokenId>& ids) const;
  [[nodiscard]] std::optional<TokenId> find(std::string_view spelling) const;
  [[nodiscard]] TokenId part_of(JsonMerge const& merge, std::size_t rank,
                                std::string_view spelling) const;

  JsonPathReader const& reader_;
  TokenizerJsonParts const& parts_;
  MemoryBudget budget_;
  TokenTable tokens_;
  std::vector<Merge> merges_;
  std::vector<bool> is_merged_;  // the token of the model is part or result of a merge
  std::vector<bool> is_added_;   // the token of the model is an added token, too
  TokenizerRules rules_;
};

// -------------------------------------------------------------------------------------------------

inline Tokenizer TokenizerJsonAssembly::tokenizer() {
  spend();
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
  if (std::optional<std::uint64_t> const offset = parts_.model.unknown) {
    std::string const unknown = reader_.from(*offset).string();
    rules_.unknown = find(unknown);
    if (!rules_.unknown || *rules_.unknown >= rules_.merged_size)
      reader_.refuse(*offset, "model.unk_token: ", excerpt(unknown), " is no token");
  }
  add_marks(parts_.marks.before, rules_.before);
  add_marks(parts_.marks.behind, rules_.behind);
  try {
    return Tokenizer(Vocabulary(std::move(tokens_), std::move(merges_)), std::move(rules_),
                     budget_);
  } catch (ValueError const& error) {
    reader_.refuse(parts_.model.offset, error.what());
  }
}

/// Counts what is made here, in a Vocabulary and in a Tokenizer; what their tables take beside is counted there.
inline void TokenizerJsonAssembly::spend() {
  JsonBpeModel const& model = parts_.model;
  constexpr std::uint64_t of_token = TokenTable::bytes_per_token + sizeof(std::uint64_t) + 1;
  constexpr std::uint64_t of_merge = sizeof(Merge) + 2 * sizeof(std::uint32_t);  // sorted twice
  constexpr std::uint64_t of_added = sizeof(AddedToken) + 2 * sizeof(TokenId);   // found by two
  std::uint64_t const bytes = (model.vocabulary.count + parts_.added.count) * of_token +
                              model.vocabulary.spelling_bytes + parts_.added.spelling_bytes +
                              model.merges.count * of_merge + parts_.added.count * of_added;
  if (!budget_.spend(bytes)) reader_.refuse(model.offset, "its tokens take too much memory");
}

/// Of the keys of the model's tokens by their ids: all below their number, none twice.
inline std::vector<std::uint64_t> TokenizerJsonAssembly::offsets_of_tokens() const {
  constexpr std::uint64_t none = std::numeric_limits<std::uint64_t>::max();
  JsonList const& list = parts_.model.vocabulary;
  std::vector<std::uint64_t> offsets(list.count, none);
  JsonPathReader reader = reader_.from(list.offset);
  for_each_vocabulary_entry(
      reader, [&](std::string_view spelling, TokenId id, std::uint64_t offset) {
        auto const refuse = [&](auto const&... reason) {
          reader_.refuse(offset, "model.vocab: ", excerpt(spelling), ": ", reason...);
        };
        if (id < 0 || static_cast<std::size_t>(id) >= list.count)
          refuse("expected an id from 0 to ", list.count - 1, ", each once, got ", id);
        std::uint64_t& place = offsets[static_cast<std::size_t>(id)];
        if (place != none)
          refuse("the same id ", id, " as ", excerpt(reader_.from(place).string()));
        place = offset;
      });
  return offsets;
}

inline void TokenizerJsonAssembly::place_tokens() {
  JsonBpeModel const& model = parts_.model;
  std::vector<std::uint64_t> const offsets = offsets_of_tokens();
  auto const refuse_twins = [&](TokenId a, TokenId b) {
    std::uint64_t const second = std::max(offsets[static_cast<std::size_t>(a)],  //
                                          offsets[static_cast<std::size_t>(b)]);
    reader_.refuse(second, "model.vocab: ", excerpt(reader_.from(second).string()),
                   ": the same token twice");
  };
  tokens_.reserve(model.vocabulary.count + parts_.added.count,
                  model.vocabulary.spelling_bytes + parts_.added.spelling_bytes);
  for (std::uint64_t const offset : offsets) {
    std::string const spelling = reader_.from(offset).string();
    std::optional<std::uint8_t> const byte =
        model.byte_fallback ? named_byte(spelling) : std::nullopt;
    if (!byte) {
      tokens_.push_back(spelling, TokenKind::text);
    } else if (TokenId const same = tokens_.byte_token(*byte); same >= 0) {
      refuse_twins(same, static_cast<TokenId>(tokens_.size()));
    } else {
      tokens_.push_back(std::string(1, static_cast<char>(*byte)), TokenKind::byte);
    }
  }
  if (auto const twins = tokens_.sort()) refuse_twins(twins->first, twins->second);
  rules_.merged_size = static_cast<TokenId>(tokens_.size());
  is_merged_.resize(tokens_.size());
  is_added_.resize(tokens_.size());
}

inline std::optional<TokenId> TokenizerJsonAssembly::find(std::string_view spelling) const {
  std::optional<std::uint8_t> const byte =
      parts_.model.byte_fallback ? named_byte(spelling) : std::nullopt;
  if (byte && tokens_.byte_token(*byte) >= 0) return tokens_.byte_token(*byte);
  return tokens_.find(spelling);
}

inline TokenId TokenizerJsonAssembly::part_of(JsonMerge const& merge, std::size_t rank,
                                              std::string_view spelling) const {
  std::optional<TokenId> const id = find(spelling);
  if (!id)
    reader_.refuse(merge.offset, "model.merges[", rank, "]: ", excerpt(spelling), " is no token");
  if (tokens_.kind(*id) == TokenKind::byte)
    reader_.refuse(merge.offset, "model.merges[", rank, "]: byte tokens have no merges");
  return *id;
}

inline void TokenizerJsonAssembly::find_merges() {
  JsonList const& list = parts_.model.merges;
  merges_.reserve(list.count);
  JsonPathReader reader = reader_.from(list.offset);
  reader.array([&](std::size_t rank) {
    JsonMerge const text = read_merge(reader);
    Merge const merge{part_of(text, rank, text.left), part_of(text, rank, text.right),
                      part_of(text, rank, text.left + text.right)};
    for (TokenId const id : {merge.left, merge.right, merge.result})
      is_merged_[static_cast<std::size_t>(id)] = true;
    merges_.push_back(merge);
  });
  check_merges_differ();
}

inline void TokenizerJsonAssembly::check_merges_differ() const {
  auto const ranks = repeated_merge(merges_);
  if (!ranks) return;
  JsonPathReader reader = reader_.from(parts_.model.merges.offset);
  reader.array([&](std::size_t rank) {
    std::uint64_t const offset = read_merge(reader).offset;
    if (rank == ranks->second)
      reader_.refuse(offset, "model.merges[", rank, "]: the same pair twice");
  });
}

/// Added tokens that the model knows keep its id, others follow it in their order.
inline void TokenizerJsonAssembly::place_added_tokens() {
  if (parts_.added.count == 0) return;
  rules_.added.reserve(parts_.added.count);
  JsonPathReader reader = reader_.from(parts_.added.offset);
  reader.array([&](std::size_t i) {
    JsonAddedToken const added = read_added_token(reader);
    auto const refuse = [&](auto const&... reason) {
      reader_.refuse(added.offset, "added_tokens[", i, "]: ", reason...);
    };
    std::optional<TokenId> const known = find(added.content);
    TokenId const expected = known.value_or(static_cast<TokenId>(tokens_.size()));
    bool const repeats = !known && added.id >= 0 && added.id < expected &&
                         tokens_.spelling(added.id) == added.content;
    if (repeats || (known && is_added_[static_cast<std::size_t>(*known)]))
      refuse(excerpt(added.content), " stands here twice");
    if (added.id != expected)
      refuse(excerpt(added.content), ": expected the id ", expected, ", got ", added.id);
    if (!known) {
      tokens_.push_back(added.content, TokenKind::special);
    } else if (tokens_.kind(*known) == TokenKind::byte) {
      refuse("a byte token cannot be an added one");
    } else {
      place_known_token(added);
    }
    rules_.added.push_back(
        {.id = added.id, .is_special = added.special, .is_found_late = added.normalized});
  });
  check_added_tokens_differ();
}

inline void TokenizerJsonAssembly::place_known_token(JsonAddedToken const& added) {
  is_added_[static_cast<std::size_t>(added.id)] = true;
  // A special token, unless merges can make it of text.
  if (added.special && !is_merged_[static_cast<std::size_t>(added.id)] &&
      count_code_points(added.content) > 1) {
    tokens_.set_kind(added.id, TokenKind::special);
  }
}

/// Those that the model does not know.
inline void TokenizerJsonAssembly::check_added_tokens_differ() {
  auto const twins = tokens_.sort();
  if (!twins) return;
  JsonPathReader reader = reader_.from(parts_.added.offset);
  reader.array([&](std::size_t i) {
    JsonAddedToken const added = read_added_token(reader);
    if (added.id == twins->second) {
      reader_.refuse(added.offset, "added_tokens[", i, "]: ", excerpt(added.content),
                     " stands here twice");
    }
  });
}

inline void TokenizerJsonAssembly::check_bytes() const {
  if (!parts_.model.byte_fallback) return;
  if (parts_.pre_tokenizer.byte_level) {
    reader_.refuse(parts_.model.offset,
                   "model.byte_fallback: is not supported together with a byte-level "
                   "pre_tokenizer");
  }
  for (int byte = 0; byte < 256; ++byte) {
    if (tokens_.byte_token(static_cast<std::uint8_t>(byte)) < 0)
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
