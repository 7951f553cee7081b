/// Where the outputs of a frozen prefix are kept: one row for each sequence of tokens.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Which sequences of tokens are known, and at which place. All are of one length.
class PrefixIndex {
 public:
  explicit PrefixIndex(std::size_t time) : time_(time) {}

  [[nodiscard]] std::size_t size() const { return places_; }

  /// The place of `tokens`, or -1.
  [[nodiscard]] Index find(std::span<TokenId const> tokens) const {
    auto const [begin, end] = by_hash_.equal_range(hash(tokens));
    for (auto at = begin; at != end; ++at)
      if (std::ranges::equal(tokens, this->tokens(at->second))) return at->second;
    return -1;
  }
  /// Gives `tokens` the next place.
  Index add(std::span<TokenId const> tokens) {
    tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
    by_hash_.emplace(hash(tokens), static_cast<Index>(places_));
    return static_cast<Index>(places_++);
  }

 private:
  [[nodiscard]] std::span<TokenId const> tokens(Index place) const {
    return std::span(tokens_).subspan(static_cast<std::size_t>(place) * time_, time_);
  }
  /// FNV-1a over whole tokens; equal hashes are told apart by the tokens themselves.
  [[nodiscard]] static std::uint64_t hash(std::span<TokenId const> tokens) {
    std::uint64_t value = 0xcbf29ce484222325;
    for (TokenId const token : tokens)
      value = (value ^ static_cast<std::uint32_t>(token)) * 0x100000001b3;
    return value ^ (value >> 32);
  }

  std::size_t time_, places_ = 0;
  std::vector<TokenId> tokens_;  // (places,T)
  std::unordered_multimap<std::uint64_t, Index> by_hash_;
};

/// A store of rows of bytes. When it is full, it stays as it is: under a random order of the data, no row is more likely
/// to be asked for than another.
class PrefixRows {
 public:
  virtual ~PrefixRows() = default;
  /// Fills `row` with what was stored for `tokens`; false if there is nothing.
  [[nodiscard]] virtual bool find(std::span<TokenId const> tokens, std::span<std::byte> row) = 0;
  /// Stores a row if there is room.
  virtual void insert(std::span<TokenId const> tokens, std::span<std::byte const> row) = 0;
};

/// Rows in memory, at most `byte_limit` in all.
class PrefixRowsInMemory final : public PrefixRows {
 public:
  PrefixRowsInMemory(Index time, Index row_bytes, Index byte_limit)
      : index_(static_cast<std::size_t>(time)),
        most_rows_(static_cast<std::size_t>(
            byte_limit / (row_bytes + time * static_cast<Index>(sizeof(TokenId))))) {}

  [[nodiscard]] bool find(std::span<TokenId const> tokens, std::span<std::byte> row) override {
    Index const place = index_.find(tokens);
    if (place < 0) return false;
    std::ranges::copy(rows_[static_cast<std::size_t>(place)], row.begin());
    return true;
  }
  void insert(std::span<TokenId const> tokens, std::span<std::byte const> row) override {
    if (index_.size() == most_rows_) return;
    rows_.emplace_back(row.begin(), row.end());
    index_.add(tokens);
  }

 private:
  PrefixIndex index_;
  std::size_t most_rows_;
  std::vector<std::vector<std::byte>> rows_;
};

ACCRETE_END_NAMESPACE
