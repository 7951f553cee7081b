/// Encodes a text that arrives in chunks, with memory for its longest piece alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/text/bpe_tables.hpp>
#include <accrete/text/piece_merger.hpp>
#include <accrete/text/utf8.hpp>
#include <accrete/text/vocabulary.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Byte pair encoding: of all adjacent pairs of tokens that have a merge, the one of lowest rank is
/// merged, of equals the leftmost, until none is left. No merge can reach over a pair of code
/// points that stands inside no token: the text is cut there, and the pieces are merged one by one.
/// A piece of n code points takes time n log n and at most 32 n bytes.
///
/// A code point that is no token becomes the tokens of its UTF-8 bytes or, in a vocabulary without
/// byte tokens, the unknown token; neither takes part in merges.
class StreamingEncoder {
 public:
  /// `source` is what errors call the text.
  explicit StreamingEncoder(std::shared_ptr<detail::BpeTables const> tables,
                            std::string_view source = "text")
      : merger_(std::move(tables)), source_(source) {}

  /// Starts another text, which errors call `source`, and forgets what is left of the last.
  void begin(std::string_view source);

  /// Takes the next chunk, which may end anywhere, and appends the tokens that are certain by now
  /// to `out`. FileError(source, offset, reason) at invalid UTF-8; ValueError if `<unk>` is needed
  /// and missing; after either the encoder is of no further use.
  void push(std::string_view chunk, std::vector<TokenId>& out);

  /// Puts a token, known by its id, in the place of the next `bytes` bytes of the text.
  void push_token(TokenId id, std::size_t bytes, std::vector<TokenId>& out);

  /// Ends a piece of the text: nothing is merged across this place. FileError if it is inside a
  /// character.
  void end_piece(std::vector<TokenId>& out);

  /// Ends the text: appends what is left. FileError if it ends inside a character. Then another
  /// text may begin.
  void finish(std::vector<TokenId>& out);

 private:
  void push_code_point(char32_t code_point, std::vector<TokenId>& out);
  void push_fallback(char32_t code_point, std::vector<TokenId>& out);

  [[noreturn]] void refuse(std::uint64_t offset, std::string_view reason) const {
    throw FileError(source_, offset, reason);
  }

  detail::PieceMerger merger_;
  std::string source_;
  std::uint64_t offset_ = 0;    // of the first byte that is neither encoded nor in the piece
  std::string broken_;          // the start of a character that the last chunk broke off
  bool after_unknown_ = false;  // the latest code point became the unknown token
};

// -------------------------------------------------------------------------------------------------

inline void StreamingEncoder::begin(std::string_view source) {
  source_ = source;
  offset_ = 0;
  broken_.clear();
  merger_.clear();
  after_unknown_ = false;
}

inline void StreamingEncoder::push(std::string_view chunk, std::vector<TokenId>& out) {
  std::size_t offset = 0;
  while (!broken_.empty() && offset < chunk.size()) {
    broken_ += chunk[offset];
    Utf8Step const step = decode_code_point(broken_, 0);
    if (step.fault != Utf8Fault::none && step.fault != Utf8Fault::truncated)
      refuse(offset_, describe(step.fault));
    ++offset;
    if (step.fault == Utf8Fault::truncated) continue;
    offset_ += broken_.size();
    broken_.clear();
    push_code_point(step.code_point, out);
  }
  std::uint64_t const start = offset_ - offset;
  while (offset < chunk.size()) {
    Utf8Step const step = decode_code_point(chunk, offset);
    if (step.fault == Utf8Fault::truncated) break;
    offset_ = start + offset;
    if (step.fault != Utf8Fault::none) refuse(offset_, describe(step.fault));
    push_code_point(step.code_point, out);
    offset += step.length;
  }
  if (broken_.empty()) {
    offset_ = start + offset;
    broken_ = chunk.substr(offset);
  }
}

inline void StreamingEncoder::push_token(TokenId id, std::size_t bytes, std::vector<TokenId>& out) {
  if (!broken_.empty()) refuse(offset_, describe(Utf8Fault::missing_continuation));
  end_piece(out);
  out.push_back(id);
  offset_ += bytes;
}

inline void StreamingEncoder::finish(std::vector<TokenId>& out) {
  end_piece(out);
  offset_ = 0;
}

inline void StreamingEncoder::end_piece(std::vector<TokenId>& out) {
  if (!broken_.empty()) refuse(offset_, describe(Utf8Fault::truncated));
  merger_.finish(out);
  after_unknown_ = false;
}

inline void StreamingEncoder::push_code_point(char32_t code_point, std::vector<TokenId>& out) {
  TokenId const id = merger_.tables().token_of(code_point);
  if (id < 0) {
    merger_.finish(out);
    push_fallback(code_point, out);
    return;
  }
  after_unknown_ = false;
  if (!merger_.push(id, out)) {
    refuse(offset_, "more than 2^31 code points without a place to cut");
  }
}

inline void StreamingEncoder::push_fallback(char32_t code_point, std::vector<TokenId>& out) {
  detail::BpeTables const& tables = merger_.tables();
  if (!tables.vocabulary().has_byte_tokens()) {
    if (!(after_unknown_ && tables.fuses_unknown())) out.push_back(tables.unknown());
    after_unknown_ = true;
    return;
  }
  std::string bytes;
  append_utf8(bytes, code_point);
  for (char const byte : bytes)
    out.push_back(tables.vocabulary().byte_token(static_cast<std::uint8_t>(byte)));
}

ACCRETE_END_NAMESPACE
