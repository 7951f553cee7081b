/// Text to tokens and back by a vocabulary and rules: all that a tokenizer.json can say and accrete
/// supports.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/core/thread_pool.hpp>
#include <accrete/io/memory_budget.hpp>
#include <accrete/text/bpe_tables.hpp>
#include <accrete/text/bpe_tokenizer.hpp>
#include <accrete/text/byte_alphabet.hpp>
#include <accrete/text/special_token_finder.hpp>
#include <accrete/text/split_rule.hpp>
#include <accrete/text/streaming_decoder.hpp>
#include <accrete/text/streaming_encoder.hpp>
#include <accrete/text/tokenizer_rules.hpp>
#include <accrete/text/utf8.hpp>
#include <accrete/text/vocabulary.hpp>

ACCRETE_BEGIN_NAMESPACE

/// A cheap shared handle, for any number of threads.
///
/// Gives the ids of Hugging Face's `Tokenizer.encode(text, add_special_tokens=False).ids` for the
/// same tokenizer.json.
class Tokenizer {
 public:
  /// ValueError if the rules name tokens that the vocabulary lacks, or if the tables for its merges take more
  /// memory than `budget`.
  Tokenizer(Vocabulary const& vocabulary, TokenizerRules rules,
            MemoryBudget budget = MemoryBudget::unlimited());
  explicit Tokenizer(Vocabulary const& vocabulary)
      : Tokenizer(vocabulary, plain_tokenizer_rules(vocabulary)) {}

  // Copies alone, at the cost of a counter: without a move no handle is ever empty.
  Tokenizer(Tokenizer const&) = default;
  Tokenizer& operator=(Tokenizer const&) = default;
  ~Tokenizer() = default;

  [[nodiscard]] Vocabulary const& vocabulary() const { return content_->tables->vocabulary(); }
  [[nodiscard]] TokenizerRules const& rules() const { return content_->rules; }

  /// The tokens of a UTF-8 text, without the marks around it. Added tokens that are written out in
  /// it are found first, special ones only with `as_tokens`.
  ///
  /// FileError(source, offset, reason) at invalid UTF-8; ValueError for a code point or byte that
  /// no token spells, where there is no unknown token.
  [[nodiscard]] std::vector<TokenId> encode(std::string_view text,
                                            SpecialTokens special = SpecialTokens::as_tokens,
                                            std::string_view source = "text") const;

  /// Many texts, over the threads of a pool: the same ids for any number of them.
  [[nodiscard]] std::vector<std::vector<TokenId>> encode_batch(
      std::span<std::string const> texts, ThreadPool& pool,
      SpecialTokens special = SpecialTokens::as_tokens) const;

  /// The text of the tokens, always valid UTF-8. ValueError if an id is not below V.
  [[nodiscard]] std::string decode(std::span<TokenId const> ids) const;

  /// The bytes of text that a token stands for. ValueError if `id` is not below V.
  [[nodiscard]] std::string bytes_of(TokenId id) const;

  /// Decodes token by token, without ever splitting a code point.
  class Decoder;

 private:
  struct Content {
    Content(Vocabulary const& vocabulary, TokenizerRules rules, MemoryBudget budget);

    TokenizerRules rules;
    std::shared_ptr<detail::BpeTables const> tables;
    std::array<detail::SpecialTokenFinder, 2> early, late;  // all, and those that are not special
    std::vector<bool> is_added;                             // (V)
    std::array<TokenId, 256> byte_tokens;                   // of a byte's character, or -1
  };

  /// Encodes what stands between added tokens.
  class Run;

  std::shared_ptr<Content const> content_;
};

class Tokenizer::Decoder {
 public:
  explicit Decoder(Tokenizer const& tokenizer) : tokenizer_(tokenizer) {}

  /// Appends the text that is certain after one more token. ValueError if `id` is not below V.
  void push(TokenId id, std::string& out) { bytes_.push(tokenizer_.bytes_of(id), out); }

  /// Ends the text: what is still held back becomes U+FFFD.
  void finish(std::string& out) { bytes_.finish(out); }

 private:
  Tokenizer tokenizer_;
  detail::CodePointAssembler bytes_;
};

// -------------------------------------------------------------------------------------------------

namespace detail {

/// The added tokens that are found early or late, special ones among them or not.
inline std::vector<TokenId> select_added(TokenizerRules const& rules, bool late, bool special) {
  auto const is_selected = [&](AddedToken const& token) {
    return token.is_found_late == late && (special || !token.is_special);
  };
  std::vector<TokenId> ids;
  ids.reserve(
      static_cast<std::size_t>(std::count_if(rules.added.begin(), rules.added.end(), is_selected)));
  for (AddedToken const& token : rules.added)
    if (is_selected(token)) ids.push_back(token.id);
  return ids;
}

}  // namespace detail

inline Tokenizer::Content::Content(Vocabulary const& vocabulary, TokenizerRules given,
                                   MemoryBudget budget)
    : rules(std::move(given)),
      tables(std::make_shared<detail::BpeTables>(vocabulary, rules.unknown, rules.fuse_unknown,
                                                 budget)),
      early{detail::SpecialTokenFinder(vocabulary, detail::select_added(rules, false, true)),
            detail::SpecialTokenFinder(vocabulary, detail::select_added(rules, false, false))},
      late{detail::SpecialTokenFinder(vocabulary, detail::select_added(rules, true, true)),
           detail::SpecialTokenFinder(vocabulary, detail::select_added(rules, true, false))},
      is_added(static_cast<std::size_t>(vocabulary.size())) {
  if (rules.split != SplitRule::none && !rules.byte_level)
    throw ValueError("tokenizer: a split needs a byte-level vocabulary");
  for (AddedToken const& token : rules.added) is_added[static_cast<std::size_t>(token.id)] = true;
  for (auto const* ids : {&rules.before, &rules.behind})
    for (TokenId const id : *ids) static_cast<void>(vocabulary.kind(id));
  if (rules.unknown) static_cast<void>(vocabulary.kind(*rules.unknown));
  for (int byte = 0; byte < 256; ++byte) {
    auto const value = static_cast<std::uint8_t>(byte);
    byte_tokens[value] = tables->token_of(byte_alphabet.character(value));
  }
}

inline Tokenizer::Tokenizer(Vocabulary const& vocabulary, TokenizerRules rules, MemoryBudget budget)
    : content_(std::make_shared<Content>(vocabulary, std::move(rules), budget)) {}

class Tokenizer::Run {
 public:
  explicit Run(Tokenizer const& tokenizer)
      : content_(*tokenizer.content_), encoder_(content_.tables), merger_(content_.tables) {}

  /// The tokens of a text, which errors call `source`.
  [[nodiscard]] std::vector<TokenId> encode(std::string_view text, SpecialTokens special,
                                            std::string_view source);

 private:
  /// Calls between(part) for what stands between the tokens that `finder` finds.
  template <class Between>
  void cut(detail::SpecialTokenFinder const& finder, std::string_view text, Between between) {
    for (std::size_t offset = 0; offset < text.size();) {
      auto const [found, id] = finder.find(text, offset);
      between(text.substr(offset, found - offset));
      if (found == text.size()) break;
      std::size_t const bytes = content_.tables->vocabulary().token(id).size();
      added(id, bytes);
      offset = found + bytes;
    }
  }

  void added(TokenId id, std::size_t bytes) { encoder_.push_token(id, bytes, out_); }

  /// Text without added tokens; valid UTF-8 if the vocabulary is byte-level.
  void text(std::string_view text) {
    if (text.empty()) return;
    if (!content_.rules.byte_level) return code_points(text);
    if (content_.rules.prefix_space && text[0] != ' ') {
      std::string const spaced = " " + std::string(text);
      return pieces(spaced);
    }
    pieces(text);
  }

  void code_points(std::string_view text) {
    if (std::optional<TokenId> const id = whole(text)) return added(*id, text.size());
    encoder_.push(text, out_);
    encoder_.end_piece(out_);
  }

  void pieces(std::string_view text) {
    for (std::size_t offset = 0; offset < text.size();) {
      std::size_t const end = piece_end(content_.rules.split, text, offset);
      piece(text.substr(offset, end - offset));
      offset = end;
    }
  }

  void piece(std::string_view bytes) {
    if (content_.rules.whole_pieces_first) {
      if (std::optional<TokenId> const id = whole(byte_alphabet.write(bytes))) {
        out_.push_back(*id);
        return;
      }
    }
    bool after_unknown = false;
    for (char const byte : bytes) {
      TokenId const id = content_.byte_tokens[static_cast<std::uint8_t>(byte)];
      bool const is_unknown = id < 0;
      if (is_unknown) {
        merger_.finish(out_);
        if (!content_.rules.unknown) {
          throw ValueError(message("tokenizer: byte ", +static_cast<std::uint8_t>(byte),
                                   " is no token, and there is no unknown token"));
        }
        if (!(after_unknown && content_.rules.fuse_unknown))
          out_.push_back(*content_.rules.unknown);
      } else if (!merger_.push(id, out_)) {
        throw ValueError("tokenizer: more than 2^31 bytes without a place to cut");
      }
      after_unknown = is_unknown;
    }
    merger_.finish(out_);
  }

  /// The token that is spelled as the whole piece, where such are asked for.
  [[nodiscard]] std::optional<TokenId> whole(std::string_view spelling) const {
    if (!content_.rules.whole_pieces_first) return std::nullopt;
    std::optional<TokenId> const id = content_.tables->vocabulary().find(spelling);
    return id && *id < content_.rules.merged_size ? id : std::nullopt;
  }

  Content const& content_;
  StreamingEncoder encoder_;
  detail::PieceMerger merger_;
  std::vector<TokenId> out_;
};

inline std::vector<TokenId> Tokenizer::Run::encode(std::string_view text, SpecialTokens special,
                                                   std::string_view source) {
  // No text has more tokens than bytes. Pages that are not written to take no memory, so that a
  // long text needs no copying and no more than its tokens.
  constexpr std::size_t long_text = std::size_t{1} << 20;
  out_.clear();
  if (text.size() >= long_text) out_.reserve(text.size());
  encoder_.begin(source);
  if (content_.rules.byte_level)
    for (CodePointCursor cursor(text, source); !cursor.done();) cursor.next();

  std::size_t const which = special == SpecialTokens::as_tokens ? 0 : 1;
  cut(content_.early[which], text, [&](std::string_view part) {
    cut(content_.late[which], part, [&](std::string_view rest) { this->text(rest); });
  });
  return std::move(out_);
}

inline std::vector<TokenId> Tokenizer::encode(std::string_view text, SpecialTokens special,
                                              std::string_view source) const {
  return Run(*this).encode(text, special, source);
}

inline std::vector<std::vector<TokenId>> Tokenizer::encode_batch(std::span<std::string const> texts,
                                                                 ThreadPool& pool,
                                                                 SpecialTokens special) const {
  std::vector<std::vector<TokenId>> ids(texts.size());
  pool.parallel_for_ranges(static_cast<Index>(texts.size()), 1, [&](IndexRange range) {
    Run run(*this);
    for (Index i = range.begin; i < range.end; ++i) {
      auto const place = static_cast<std::size_t>(i);
      ids[place] = run.encode(texts[place], special, "text " + std::to_string(i));
    }
  });
  return ids;
}

inline std::string Tokenizer::bytes_of(TokenId id) const {
  std::string_view const spelling = vocabulary().token(id);
  if (rules().byte_level && !content_->is_added[static_cast<std::size_t>(id)]) {
    if (std::optional<std::string> bytes = byte_alphabet.read(spelling)) return *std::move(bytes);
  }
  return std::string(spelling);
}

inline std::string Tokenizer::decode(std::span<TokenId const> ids) const {
  std::string text;
  Decoder decoder(*this);
  for (TokenId const id : ids) decoder.push(id, text);
  decoder.finish(text);
  return text;
}

ACCRETE_END_NAMESPACE
