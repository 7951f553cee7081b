/// Where the outputs of a frozen prefix are kept: one row for each sequence of tokens.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
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

  /// Where in memory the row of `tokens` stands, unchanged for as long as the store lives; null where it does not.
  [[nodiscard]] virtual std::byte const* place_of(std::span<TokenId const>) { return nullptr; }
  /// Where in memory the next row may be written, for `keep` to store; null where there is no room.
  [[nodiscard]] virtual std::byte* room() { return nullptr; }
  virtual void keep(std::span<TokenId const>) {}
};

/// Rows in memory, at most `byte_limit` in all.
class PrefixRowsInMemory final : public PrefixRows {
 public:
  using Allocate = std::function<std::shared_ptr<std::byte[]>(Index bytes)>;

  /// `allocate` gives memory of a special kind, such as pinned memory, which is asked for by `chunk_bytes` or one row;
  /// without it rows are allocated one by one.
  PrefixRowsInMemory(Index time, Index row_bytes, Index byte_limit, Allocate allocate = {},
                     Index chunk_bytes = Index{64} << 20)
      : index_(static_cast<std::size_t>(time)),
        row_bytes_(static_cast<std::size_t>(row_bytes)),
        most_rows_(static_cast<std::size_t>(
            byte_limit / (row_bytes + time * static_cast<Index>(sizeof(TokenId))))),
        rows_a_chunk_(
            allocate ? std::max<std::size_t>(static_cast<std::size_t>(chunk_bytes) / row_bytes_, 1)
                     : 1),
        allocate_(std::move(allocate)) {}

  [[nodiscard]] bool find(std::span<TokenId const> tokens, std::span<std::byte> row) override {
    std::byte const* const kept = place_of(tokens);
    if (kept != nullptr) std::copy_n(kept, row_bytes_, row.begin());
    return kept != nullptr;
  }
  void insert(std::span<TokenId const> tokens, std::span<std::byte const> row) override {
    std::byte* const place = room();
    if (place == nullptr) return;
    std::ranges::copy(row, place);
    keep(tokens);
  }
  [[nodiscard]] std::byte const* place_of(std::span<TokenId const> tokens) override {
    Index const place = index_.find(tokens);
    return place < 0 ? nullptr : at(static_cast<std::size_t>(place));
  }
  [[nodiscard]] std::byte* room() override {
    if (index_.size() == most_rows_) return nullptr;
    if (index_.size() == chunks_.size() * rows_a_chunk_) add_chunk();
    return at(index_.size());
  }
  void keep(std::span<TokenId const> tokens) override { index_.add(tokens); }

 private:
  [[nodiscard]] std::byte* at(std::size_t place) const {
    return chunks_[place / rows_a_chunk_].get() + place % rows_a_chunk_ * row_bytes_;
  }
  void add_chunk() {
    std::size_t const rows = std::min(rows_a_chunk_, most_rows_ - index_.size());
    chunks_.push_back(allocate_ ? allocate_(static_cast<Index>(rows * row_bytes_))
                                : std::shared_ptr<std::byte[]>(new std::byte[rows * row_bytes_]));
  }

  PrefixIndex index_;
  std::size_t row_bytes_, most_rows_, rows_a_chunk_;
  Allocate allocate_;
  std::vector<std::shared_ptr<std::byte[]>> chunks_;
};

ACCRETE_END_NAMESPACE
