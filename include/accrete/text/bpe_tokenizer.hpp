/// Text to tokens and back: byte pair encoding of whole documents, without pre-tokenizer and
/// normalizer.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/text/bpe_tables.hpp>
#include <accrete/text/special_token_finder.hpp>
#include <accrete/text/streaming_decoder.hpp>
#include <accrete/text/streaming_encoder.hpp>
#include <accrete/text/vocabulary.hpp>

ACCRETE_BEGIN_NAMESPACE

/// What "<s>" in a text means: three characters, as in documents that anyone may have written, or
/// the token.
enum class SpecialTokens { as_text, as_tokens };

/// A cheap shared handle to the tables of one vocabulary, for any number of threads.
///
/// Encodes exactly as the BPE model of Hugging Face's `tokenizers` does over the whole text as one
/// word, with byte_fallback where the vocabulary has byte tokens and fuse_unk=False: see
/// StreamingEncoder.
class BpeTokenizer {
 public:
  explicit BpeTokenizer(Vocabulary const& vocabulary)
      : tables_(std::make_shared<detail::BpeTables>(vocabulary)),
        special_tokens_(std::make_shared<detail::SpecialTokenFinder>(vocabulary)) {}

  // Copies alone, at the cost of a counter: without a move no handle is ever empty.
  BpeTokenizer(BpeTokenizer const&) = default;
  BpeTokenizer& operator=(BpeTokenizer const&) = default;
  ~BpeTokenizer() = default;

  [[nodiscard]] Vocabulary const& vocabulary() const { return tables_->vocabulary(); }

  /// The tokens of a UTF-8 text. With `as_tokens` the special tokens that are written out in it are
  /// found first, the leftmost and of those the longest, and what stands between them is encoded
  /// part by part.
  ///
  /// FileError(source, offset, reason) at invalid UTF-8; ValueError if `<unk>` is needed and missing.
  [[nodiscard]] std::vector<TokenId> encode(std::string_view text,
                                            SpecialTokens special = SpecialTokens::as_text,
                                            std::string_view source = "text") const;

  /// The text of the tokens, always valid UTF-8 (see StreamingDecoder). decode(encode(text)) ==
  /// text wherever encode gave no `<unk>`. ValueError if an id is not below V.
  [[nodiscard]] std::string decode(std::span<TokenId const> ids) const;

  /// For texts that come in chunks.
  [[nodiscard]] StreamingEncoder streaming_encoder(std::string_view source = "text") const {
    return StreamingEncoder(tables_, source);
  }
  [[nodiscard]] StreamingDecoder streaming_decoder() const {
    return StreamingDecoder(vocabulary());
  }

 private:
  std::shared_ptr<detail::BpeTables const> tables_;
  std::shared_ptr<detail::SpecialTokenFinder const> special_tokens_;
};

inline std::vector<TokenId> BpeTokenizer::encode(std::string_view text, SpecialTokens special,
                                                 std::string_view source) const {
  std::vector<TokenId> ids;
  StreamingEncoder encoder = streaming_encoder(source);
  if (special == SpecialTokens::as_tokens) {
    for (std::size_t offset = 0; offset < text.size();) {
      auto const [found, id] = special_tokens_->find(text, offset);
      encoder.push(text.substr(offset, found - offset), ids);
      if (found == text.size()) break;
      std::size_t const bytes = vocabulary().token(id).size();
      encoder.push_token(id, bytes, ids);
      offset = found + bytes;
    }
  } else {
    encoder.push(text, ids);
  }
  encoder.finish(ids);
  return ids;
}

inline std::string BpeTokenizer::decode(std::span<TokenId const> ids) const {
  std::string text;
  StreamingDecoder decoder = streaming_decoder();
  for (TokenId const id : ids) decoder.push(id, text);
  decoder.finish(text);
  return text;
}

ACCRETE_END_NAMESPACE
