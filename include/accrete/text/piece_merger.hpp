/// Byte pair encoding of one piece of text after another.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/text/bpe_tables.hpp>
#include <accrete/text/rank_tree.hpp>
#include <accrete/text/token_row.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

/// Takes the tokens of single code points and merges them: of all adjacent pairs that have a merge
/// the one of lowest rank, of equals the leftmost, until none is left. Where two code points stand
/// side by side that do so in no token, no merge can reach over: the piece ends there by itself.
class PieceMerger {
 public:
  explicit PieceMerger(std::shared_ptr<BpeTables const> tables) : tables_(std::move(tables)) {}

  [[nodiscard]] BpeTables const& tables() const { return *tables_; }

  /// The next code point's token. False, and nothing is done, if the piece has no room for it.
  [[nodiscard]] bool push(TokenId id, std::vector<TokenId>& out);

  /// Forgets the piece.
  void clear() {
    piece_.clear();
    ranks_.clear();
    has_merges_ = false;
  }

  /// Ends the piece and appends its tokens to `out`.
  void finish(std::vector<TokenId>& out);

 private:
  void merge();
  [[nodiscard]] std::uint32_t merge_rank(TokenId left, TokenId right) const;

  std::shared_ptr<BpeTables const> tables_;
  TokenRow piece_;
  RankTree ranks_;           // of the pair of the token at each place and the next
  bool has_merges_ = false;  // whether there is any
};

// -------------------------------------------------------------------------------------------------

inline bool PieceMerger::push(TokenId id, std::vector<TokenId>& out) {
  if (!piece_.empty()) {
    std::uint32_t const rank = tables_->rank_of(piece_[piece_.size() - 1], id);
    if (rank == BpeTables::absent) {
      finish(out);
    } else if (rank != BpeTables::inner) {
      ranks_.set_last(rank);
      has_merges_ = true;
    }
  }
  if (piece_.size() == TokenRow::max_size) return false;
  piece_.push_back(id);
  ranks_.push_back(RankTree::no_rank);
  return true;
}

inline void PieceMerger::finish(std::vector<TokenId>& out) {
  if (has_merges_) merge();
  for (std::size_t place = 0; place < piece_.size();) {
    TokenId const id = piece_[place];
    out.push_back(id);
    place += tables_->length(id);
  }
  clear();
}

inline void PieceMerger::merge() {
  ranks_.prepare();
  for (;;) {
    auto const [rank, begin] = ranks_.lowest();
    if (rank == RankTree::no_rank) return;
    auto const [left, right, result] = tables_->merge(rank);
    std::size_t const middle = begin + tables_->length(left);
    std::size_t const end = middle + tables_->length(right);
    piece_.join(begin, middle, end, result);
    ranks_.set(middle, RankTree::no_rank);
    if (begin > 0) {
      std::size_t const before = piece_.start_before(begin);
      ranks_.set(before, merge_rank(piece_[before], result));
    }
    ranks_.set(begin, end < piece_.size() ? merge_rank(result, piece_[end]) : RankTree::no_rank);
  }
}

inline std::uint32_t PieceMerger::merge_rank(TokenId left, TokenId right) const {
  std::uint32_t const rank = tables_->rank_of(left, right);
  return rank < BpeTables::inner ? rank : RankTree::no_rank;
}

}  // namespace detail

ACCRETE_END_NAMESPACE
