/// What byte pair encoding looks up: the token of a code point, the rank of a pair, the length of a
/// token.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string_view>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/io/memory_budget.hpp>
#include <accrete/text/utf8.hpp>
#include <accrete/text/vocabulary.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

/// Code point -> token, in pages of 256; page 0 is empty and stands for all that are.
class CodePointTokens {
 public:
  using Page = std::array<TokenId, 256>;

  CodePointTokens() { add_page(); }

  [[nodiscard]] bool has_page(char32_t code_point) const { return page_of_[code_point >> 8] != 0; }

  void insert(char32_t code_point, TokenId id) {
    std::uint16_t& page = page_of_[code_point >> 8];
    if (page == 0) page = add_page();
    pages_[page][code_point & 0xFF] = id;
  }

  /// The token of a code point that is at most max_code_point, or -1.
  [[nodiscard]] TokenId find(char32_t code_point) const {
    return pages_[page_of_[code_point >> 8]][code_point & 0xFF];
  }

 private:
  std::uint16_t add_page() {
    pages_.emplace_back().fill(-1);
    return static_cast<std::uint16_t>(pages_.size() - 1);
  }

  std::array<std::uint16_t, (max_code_point >> 8) + 1> page_of_{};
  std::vector<Page> pages_;
};

/// Pair of tokens -> rank of its merge: a hash table with linear probing, at most half full.
class PairRanks {
 public:
  static constexpr std::uint32_t absent = 0xFFFFFFFF;

  /// For at most `count` pairs.
  explicit PairRanks(std::size_t count)
      : slots_(slots_for(count)), shift_(64 - std::countr_zero(slots_.size())) {}

  [[nodiscard]] static std::size_t bytes_for(std::size_t count) {
    return slots_for(count) * sizeof(Slot);
  }

  /// A pair that is there already keeps its rank.
  void insert(TokenPair pair, std::uint32_t rank) {
    Slot& slot = slots_[place_of(pair)];
    if (slot.rank == absent) slot = {pair, rank};
  }

  /// The rank, or `absent`.
  [[nodiscard]] std::uint32_t find(TokenPair pair) const { return slots_[place_of(pair)].rank; }

 private:
  struct Slot {
    TokenPair pair;
    std::uint32_t rank = absent;
  };

  [[nodiscard]] static std::size_t slots_for(std::size_t count) {
    return std::bit_ceil(2 * count + 2);
  }

  [[nodiscard]] std::size_t place_of(TokenPair pair) const {
    std::uint64_t const left = static_cast<std::uint32_t>(pair.left);
    std::uint64_t const right = static_cast<std::uint32_t>(pair.right);
    std::size_t place = (((left << 32) | right) * multiplier_) >> shift_;
    while (slots_[place].rank != absent && slots_[place].pair != pair) {
      place = (place + 1) & (slots_.size() - 1);
    }
    return place;
  }

  // Drawn anew for each table, so that no file can be made whose pairs all fall into one place.
  // What is found does not depend on it.
  std::uint64_t multiplier_ =
      (std::uint64_t{std::random_device{}()} << 32 | std::random_device{}()) | 1;
  std::vector<Slot> slots_;
  int shift_;
};

/// All of it for one vocabulary.
///
/// What no token spells becomes the unknown token: `<unk>`, unless another is named. With
/// `fuse_unknown` several such code points in a row become one. ValueError if they take more memory than
/// `budget`.
class BpeTables {
 public:
  // What stands in the place of a rank: no token contains this pair of code points; one does, but
  // the pair has no merge of its own.
  static constexpr std::uint32_t absent = PairRanks::absent;
  static constexpr std::uint32_t inner = absent - 1;

  explicit BpeTables(Vocabulary const& vocabulary, std::optional<TokenId> unknown = std::nullopt,
                     bool fuse_unknown = false, MemoryBudget budget = MemoryBudget::unlimited());
  BpeTables(BpeTables const&) = delete;
  BpeTables& operator=(BpeTables const&) = delete;

  [[nodiscard]] Vocabulary const& vocabulary() const { return vocabulary_; }

  /// The text token that is this code point alone, or -1.
  [[nodiscard]] TokenId token_of(char32_t code_point) const { return token_of_.find(code_point); }

  /// ValueError if there is none.
  [[nodiscard]] TokenId unknown() const { return unknown_ ? *unknown_ : vocabulary_.unknown(); }
  [[nodiscard]] bool fuses_unknown() const { return fuse_unknown_; }

  /// The rank of the pair's merge; else `inner` or `absent`.
  [[nodiscard]] std::uint32_t rank_of(TokenId left, TokenId right) const {
    return ranks_.find({left, right});
  }

  [[nodiscard]] Merge const& merge(std::uint32_t rank) const { return merges_[rank]; }

  /// Code points of a text token.
  [[nodiscard]] std::size_t length(TokenId id) const {
    return lengths_[static_cast<std::size_t>(id)];
  }

 private:
  static void spend(MemoryBudget& budget, std::size_t bytes) {
    if (!budget.spend(bytes)) throw ValueError("tokenizer: its tables take too much memory");
  }
  [[nodiscard]] std::vector<TokenPair> inner_pairs(MemoryBudget& budget) const;

  Vocabulary vocabulary_;
  std::optional<TokenId> unknown_;
  bool fuse_unknown_;
  std::span<Merge const> merges_;
  CodePointTokens token_of_;
  std::vector<std::uint16_t> lengths_;  // (V), 0 for tokens that are not text
  PairRanks ranks_;
};

// -------------------------------------------------------------------------------------------------

inline BpeTables::BpeTables(Vocabulary const& vocabulary, std::optional<TokenId> unknown,
                            bool fuse_unknown, MemoryBudget budget)
    : vocabulary_(vocabulary),
      unknown_(unknown),
      fuse_unknown_(fuse_unknown),
      merges_(vocabulary_.merges()),
      ranks_(0) {
  auto const size = static_cast<std::size_t>(vocabulary.size());
  spend(budget, size * sizeof lengths_[0]);
  lengths_.resize(size);
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    if (vocabulary.kind(id) != TokenKind::text) continue;
    std::string_view const spelling = vocabulary.token(id);
    std::size_t const length = count_code_points(spelling);
    lengths_[static_cast<std::size_t>(id)] = static_cast<std::uint16_t>(length);
    if (length != 1) continue;
    char32_t const code_point = CodePointCursor(spelling).next();
    if (!token_of_.has_page(code_point))
      spend(budget, 2 * sizeof(CodePointTokens::Page));  // pages are copied when they grow
    token_of_.insert(code_point, id);
  }
  std::vector<TokenPair> const inner_pairs = this->inner_pairs(budget);
  std::size_t const count = merges_.size() + inner_pairs.size();
  spend(budget, PairRanks::bytes_for(count));
  ranks_ = PairRanks(count);
  for (std::uint32_t rank = 0; rank < merges_.size(); ++rank) {
    ranks_.insert({merges_[rank].left, merges_[rank].right}, rank);
  }
  for (TokenPair const pair : inner_pairs) ranks_.insert(pair, inner);
}

/// Sorts `values` and leaves each once.
template <class Value>
void make_unique(std::vector<Value>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

/// The pairs of code points inside the tokens that merges make, each once.
inline std::vector<TokenPair> BpeTables::inner_pairs(MemoryBudget& budget) const {
  spend(budget, merges_.size() * sizeof(TokenId));
  std::vector<TokenId> results;
  results.reserve(merges_.size());
  for (Merge const& merge : merges_) results.push_back(merge.result);
  make_unique(results);

  std::vector<TokenPair> pairs;
  auto const make_room = [&] {  // long tokens have the same pairs again and again
    make_unique(pairs);
    if (2 * pairs.size() < pairs.capacity()) return;
    std::size_t const capacity = std::max<std::size_t>(256, 2 * pairs.capacity());
    spend(budget, capacity * sizeof(TokenPair));
    pairs.reserve(capacity);
  };
  for (TokenId const result : results) {
    TokenId left = -1;
    for (CodePointCursor cursor(vocabulary_.token(result)); !cursor.done();) {
      TokenId const right = token_of(cursor.next());
      if (left >= 0 && right >= 0) {
        if (pairs.size() == pairs.capacity()) make_room();
        pairs.push_back({left, right});
      }
      left = right;
    }
  }
  make_unique(pairs);
  return pairs;
}

}  // namespace detail

ACCRETE_END_NAMESPACE
