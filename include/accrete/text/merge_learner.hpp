/// Learns merges from text: the pair of adjacent tokens that occurs most often becomes one token,
/// again and again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/text/token_row.hpp>
#include <accrete/text/utf8.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

/// Byte pair encoding, learned. Each code point is a token of its own at first; ids here are the
/// learner's own.
///
/// An occurrence counts as much as the text it stands in. Counts are integers and ties go to the
/// lower ids, so that the same texts in the same order give the same merges everywhere.
class MergeLearner {
 public:
  /// No token gets more than `max_length` code points, no pair is merged that stands in under
  /// `min_places` places.
  MergeLearner(std::size_t max_length, std::size_t min_places)
      : max_length_(max_length), min_places_(min_places) {
    spellings_.emplace_back();  // of `boundary`
    counts_.push_back(0);
  }

  /// Adds a text, each of whose places counts `weight`. Nothing is merged across texts.
  /// FileError(source, offset, reason) at invalid UTF-8, ValueError for more than 2^31 code points
  /// in all.
  void add_text(std::string_view text, std::string_view source, std::int64_t weight);

  /// To be called after all texts, before the first merge.
  void count_pairs();

  struct Pair {
    std::int64_t count;
    TokenId left;
    TokenId right;
  };

  /// The pair that counts most, if any is left.
  [[nodiscard]] std::optional<Pair> most_frequent();

  /// Leaves the pair that counts most as it is.
  void pass_over_most_frequent() { queue_.pop(); }

  /// Makes it one token, wherever it stands. The token is known already if its spelling was made of
  /// other parts.
  TokenId merge(Pair const& pair);

  /// The learner's tokens: code points from id 1 on, then what merges made.
  [[nodiscard]] TokenId size() const { return static_cast<TokenId>(spellings_.size()); }
  [[nodiscard]] std::u32string const& spelling(TokenId id) const {
    return spellings_[static_cast<std::size_t>(id)];
  }

  /// How much a code point counts.
  [[nodiscard]] std::int64_t count(TokenId id) const {
    return counts_[static_cast<std::size_t>(id)];
  }

 private:
  static constexpr TokenId boundary = 0;  // stands between texts, in no pair

  struct Places {
    std::int64_t count = 0;
    std::vector<std::uint32_t> starts;  // of the left token; some of these pairs are gone by now
  };
  struct LessFrequent {
    [[nodiscard]] bool operator()(Pair const& a, Pair const& b) const {
      return std::tie(a.count, b.left, b.right) < std::tie(b.count, a.left, a.right);
    }
  };
  struct Stretch {
    std::size_t end;
    std::int64_t weight;
  };

  [[nodiscard]] static std::uint64_t key(TokenId left, TokenId right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 |
           static_cast<std::uint32_t>(right);
  }
  [[nodiscard]] std::size_t length(TokenId id) const { return spelling(id).size(); }
  [[nodiscard]] TokenId token_of(std::u32string const& spelling);
  [[nodiscard]] std::int64_t weight_at(std::size_t place) const;
  [[nodiscard]] bool stands_at(Pair const& pair, std::size_t place) const;
  [[nodiscard]] bool has_enough_places(Pair const& pair, Places const& places) const;
  void join_at(std::size_t begin, Pair const& pair, TokenId token);
  bool add_pair(std::size_t place, TokenId left, TokenId right, std::int64_t weight);
  void remove_pair(TokenId left, TokenId right, std::int64_t weight);
  void offer(std::uint64_t pair, std::int64_t count);

  std::size_t max_length_;
  std::size_t min_places_;
  std::vector<std::u32string> spellings_;
  std::vector<std::int64_t> counts_;
  std::unordered_map<std::u32string, TokenId> tokens_;
  TokenRow row_;
  std::vector<Stretch> stretches_;  // of equal weight, in order
  std::unordered_map<std::uint64_t, Places> pairs_;
  std::priority_queue<Pair, std::vector<Pair>, LessFrequent> queue_;  // counts may be out of date
  std::vector<std::uint64_t> grown_;  // pairs that count more since the last merge
};

// -------------------------------------------------------------------------------------------------

inline void MergeLearner::add_text(std::string_view text, std::string_view source,
                                   std::int64_t weight) {
  for (CodePointCursor cursor(text, source); !cursor.done();) {
    TokenId const id = token_of(std::u32string(1, cursor.next()));
    counts_[static_cast<std::size_t>(id)] += weight;
    row_.push_back(id);
  }
  row_.push_back(boundary);
  if (row_.size() > TokenRow::max_size)
    throw ValueError("vocabulary: more than 2^31 code points of text");
  if (stretches_.empty() || stretches_.back().weight != weight) stretches_.push_back({0, weight});
  stretches_.back().end = row_.size();
}

inline TokenId MergeLearner::token_of(std::u32string const& spelling) {
  auto const [place, is_new] = tokens_.try_emplace(spelling, size());
  if (is_new) {
    spellings_.push_back(spelling);
    counts_.push_back(0);
  }
  return place->second;
}

inline void MergeLearner::count_pairs() {
  for (std::size_t place = 0; place + 1 < row_.size(); ++place) {
    add_pair(place, row_[place], row_[place + 1], weight_at(place));
  }
  for (auto const& [pair, places] : pairs_) offer(pair, places.count);
}

inline std::optional<MergeLearner::Pair> MergeLearner::most_frequent() {
  while (!queue_.empty()) {
    Pair const pair = queue_.top();
    auto const found = pairs_.find(key(pair.left, pair.right));
    bool const is_current = found != pairs_.end() && found->second.count == pair.count;
    if (is_current && has_enough_places(pair, found->second))
      return pair;  // stays in the queue until it is merged
    queue_.pop();
    if (!is_current && found != pairs_.end()) offer(found->first, found->second.count);
  }
  return std::nullopt;
}

inline TokenId MergeLearner::merge(Pair const& pair) {
  std::vector<std::uint32_t> starts = std::move(pairs_.at(key(pair.left, pair.right)).starts);
  pairs_.erase(key(pair.left, pair.right));
  std::sort(starts.begin(), starts.end());
  TokenId const token = token_of(spelling(pair.left) + spelling(pair.right));
  for (std::uint32_t const start : starts) {
    if (stands_at(pair, start)) join_at(start, pair, token);
  }
  std::sort(grown_.begin(), grown_.end());
  grown_.erase(std::unique(grown_.begin(), grown_.end()), grown_.end());
  for (std::uint64_t const grown : grown_) offer(grown, pairs_.at(grown).count);
  grown_.clear();
  return token;
}

inline void MergeLearner::join_at(std::size_t begin, Pair const& pair, TokenId token) {
  std::size_t const middle = begin + length(pair.left);
  std::size_t const end = middle + length(pair.right);
  std::int64_t const weight = weight_at(begin);
  row_.join(begin, middle, end, token);
  if (begin > 0) {
    std::size_t const before = row_.start_before(begin);
    TokenId const neighbour = row_[before];
    remove_pair(neighbour, pair.left, weight);
    if (add_pair(before, neighbour, token, weight)) grown_.push_back(key(neighbour, token));
  }
  TokenId const neighbour = row_[end];  // at the latest a boundary
  remove_pair(pair.right, neighbour, weight);
  if (add_pair(begin, token, neighbour, weight)) grown_.push_back(key(token, neighbour));
}

inline bool MergeLearner::add_pair(std::size_t place, TokenId left, TokenId right,
                                   std::int64_t weight) {
  if (left == boundary || right == boundary || length(left) + length(right) > max_length_)
    return false;
  Places& places = pairs_[key(left, right)];
  places.count += weight;
  places.starts.push_back(static_cast<std::uint32_t>(place));
  return true;
}

inline void MergeLearner::remove_pair(TokenId left, TokenId right, std::int64_t weight) {
  auto const found = pairs_.find(key(left, right));
  if (found != pairs_.end()) found->second.count -= weight;
}

inline void MergeLearner::offer(std::uint64_t pair, std::int64_t count) {
  if (count > 0)
    queue_.push({count, static_cast<TokenId>(pair >> 32), static_cast<TokenId>(pair & 0xFFFFFFFF)});
}

inline bool MergeLearner::stands_at(Pair const& pair, std::size_t place) const {
  return row_[place] == pair.left && row_[place + length(pair.left)] == pair.right;
}

inline bool MergeLearner::has_enough_places(Pair const& pair, Places const& places) const {
  std::size_t found = 0;
  for (auto start = places.starts.begin(); start != places.starts.end() && found < min_places_;
       ++start) {
    if (stands_at(pair, *start)) ++found;
  }
  return found >= min_places_;
}

inline std::int64_t MergeLearner::weight_at(std::size_t place) const {
  return std::upper_bound(
             stretches_.begin(), stretches_.end(), place,
             [](std::size_t wanted, Stretch const& stretch) { return wanted < stretch.end; })
      ->weight;
}

}  // namespace detail

ACCRETE_END_NAMESPACE
