/// Encodes a text that arrives in chunks, with memory for its longest piece alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/text/bpe_tables.hpp>
#include <accrete/text/rank_tree.hpp>
#include <accrete/text/token_row.hpp>
#include <accrete/text/utf8.hpp>
#include <accrete/text/vocabulary.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Byte pair encoding: of all adjacent pairs of tokens that have a merge, the one of lowest rank is
/// merged, of equals the leftmost, until none is left. No merge can reach over a pair of code
/// points that stands inside no token: the text is cut there, and the pieces are merged one by one.
/// A piece of n code points takes time n log n and about 16 n bytes.
///
/// A code point that is no token becomes the tokens of its UTF-8 bytes or, in a vocabulary without
/// byte tokens, `<unk>`; neither takes part in merges.
class StreamingEncoder {
 public:
  /// `source` is what errors call the text.
  explicit StreamingEncoder(std::shared_ptr<detail::BpeTables const> tables,
                            std::string_view source = "text")
      : tables_(std::move(tables)), source_(source) {}

  /// Takes the next chunk, which may end anywhere, and appends the tokens that are certain by now
  /// to `out`. FileError(source, offset, reason) at invalid UTF-8; ValueError if `<unk>` is needed
  /// and missing; after either the encoder is of no further use.
  void push(std::string_view chunk, std::vector<TokenId>& out);

  /// Puts a token, known by its id, in the place of the next `bytes` bytes of the text.
  void push_token(TokenId id, std::size_t bytes, std::vector<TokenId>& out);

  /// Ends the text: appends what is left. FileError if it ends inside a character. Then another
  /// text may begin.
  void finish(std::vector<TokenId>& out);

 private:
  void push_code_point(char32_t code_point, std::vector<TokenId>& out);
  void push_fallback(char32_t code_point, std::vector<TokenId>& out) const;
  void finish_piece(std::vector<TokenId>& out);
  void merge_piece();
  [[nodiscard]] std::uint32_t merge_rank(TokenId left, TokenId right) const;

  [[noreturn]] void refuse(std::uint64_t offset, std::string_view reason) const {
    throw FileError(source_, offset, reason);
  }

  std::shared_ptr<detail::BpeTables const> tables_;
  std::string source_;
  std::uint64_t offset_ = 0;  // of the first byte that is neither encoded nor in the piece
  std::string broken_;        // the start of a character that the last chunk broke off

  detail::TokenRow piece_;
  detail::RankTree ranks_;   // of the pair of the token at each place and the next
  bool has_merges_ = false;  // whether there is any
};

// -------------------------------------------------------------------------------------------------

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
  finish_piece(out);
  out.push_back(id);
  offset_ += bytes;
}

inline void StreamingEncoder::finish(std::vector<TokenId>& out) {
  if (!broken_.empty()) refuse(offset_, describe(Utf8Fault::truncated));
  finish_piece(out);
  offset_ = 0;
}

inline void StreamingEncoder::push_code_point(char32_t code_point, std::vector<TokenId>& out) {
  TokenId const id = tables_->token_of(code_point);
  if (id < 0) {
    finish_piece(out);
    push_fallback(code_point, out);
    return;
  }
  if (!piece_.empty()) {
    std::uint32_t const rank = tables_->rank_of(piece_[piece_.size() - 1], id);
    if (rank == detail::BpeTables::absent) {
      finish_piece(out);
    } else if (rank != detail::BpeTables::inner) {
      ranks_.set_last(rank);
      has_merges_ = true;
    }
  }
  if (piece_.size() == detail::TokenRow::max_size) {
    refuse(offset_, "more than 2^31 code points without a place to cut");
  }
  piece_.push_back(id);
  ranks_.push_back(detail::RankTree::no_rank);
}

inline void StreamingEncoder::push_fallback(char32_t code_point, std::vector<TokenId>& out) const {
  Vocabulary const& vocabulary = tables_->vocabulary();
  if (!vocabulary.has_byte_tokens()) {
    out.push_back(vocabulary.unknown());
    return;
  }
  std::string bytes;
  append_utf8(bytes, code_point);
  for (char const byte : bytes)
    out.push_back(vocabulary.byte_token(static_cast<std::uint8_t>(byte)));
}

inline void StreamingEncoder::finish_piece(std::vector<TokenId>& out) {
  if (has_merges_) merge_piece();
  for (std::size_t place = 0; place < piece_.size();) {
    TokenId const id = piece_[place];
    out.push_back(id);
    place += tables_->length(id);
  }
  piece_.clear();
  ranks_.clear();
  has_merges_ = false;
}

inline void StreamingEncoder::merge_piece() {
  ranks_.prepare();
  for (;;) {
    auto const [rank, begin] = ranks_.lowest();
    if (rank == detail::RankTree::no_rank) return;
    auto const [left, right, result] = tables_->merge(rank);
    std::size_t const middle = begin + tables_->length(left);
    std::size_t const end = middle + tables_->length(right);
    piece_.join(begin, middle, end, result);
    ranks_.set(middle, detail::RankTree::no_rank);
    if (begin > 0) {
      std::size_t const before = piece_.start_before(begin);
      ranks_.set(before, merge_rank(piece_[before], result));
    }
    ranks_.set(begin,
               end < piece_.size() ? merge_rank(result, piece_[end]) : detail::RankTree::no_rank);
  }
}

inline std::uint32_t StreamingEncoder::merge_rank(TokenId left, TokenId right) const {
  std::uint32_t const rank = tables_->rank_of(left, right);
  return rank < detail::BpeTables::inner ? rank : detail::RankTree::no_rank;
}

ACCRETE_END_NAMESPACE
