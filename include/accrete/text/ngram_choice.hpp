/// Chooses the n-grams of a vocabulary by their counts.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/text/ngram.hpp>
#include <accrete/text/ngram_splits.hpp>
#include <accrete/text/utf8.hpp>
#include <accrete/text/vocabulary.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

/// Takes counts in the order of n-grams and keeps the most valuable: see build_counted_vocabulary.
class NgramChoice {
 public:
  NgramChoice(Index size, std::vector<std::string> special_tokens, std::uint64_t min_count)
      : size_(size), special_tokens_(std::move(special_tokens)), min_count_(min_count) {}

  /// By code point: how much it counts, and in how many places it stands. First of all.
  void choose_code_points(std::span<std::uint64_t const> value,
                          std::span<std::uint64_t const> places);

  /// Remembers an n-gram while it is among the most valuable.
  void offer(NgramCount const& count);

  /// The vocabulary, when all have been offered.
  [[nodiscard]] Vocabulary vocabulary();

 private:
  /// The more valuable first, then the order of n-grams.
  struct Candidate {
    std::uint64_t value;
    Ngram ngram;

    bool operator<(Candidate const& other) const {
      return value != other.value ? value > other.value : ngram < other.ngram;
    }
  };

  void choose_ngrams();
  void take(Ngram const& ngram);
  void keep_best();
  [[nodiscard]] bool is_spelled(Ngram const& ngram) const;
  [[nodiscard]] bool is_kept_free(Ngram const& ngram) const;
  [[nodiscard]] std::vector<std::string> spellings() const;

  Index size_;
  std::vector<std::string> special_tokens_;
  std::uint64_t min_count_;
  std::size_t places_ = 0;  // for n-grams
  std::set<Ngram> chosen_;  // code points among them
  std::vector<Candidate> candidates_;
  std::multimap<Ngram, Ngram> waiting_;  // by a part that is no token yet: what it would spell
};

inline void NgramChoice::choose_code_points(std::span<std::uint64_t const> value,
                                            std::span<std::uint64_t const> places) {
  std::vector<std::pair<std::uint64_t, char32_t>> found;  // savings
  std::size_t ascii = 0;
  for (char32_t c = 0; c < places.size(); ++c) {
    if (places[c] == 0 || (c >= 0x80 && places[c] < min_count_)) continue;
    bool const is_ascii = c < 0x80;
    ascii += is_ascii ? 1 : 0;
    found.emplace_back(
        is_ascii ? std::numeric_limits<std::uint64_t>::max() : value[c] * (utf8_length(c) - 1), c);
  }
  if (std::all_of(places.begin(), places.end(), [](std::uint64_t count) { return count == 0; }))
    throw ValueError("vocabulary: the texts have not a single character");
  std::sort(found.begin(), found.end(), [](auto const& a, auto const& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  Index const left = size_ - static_cast<Index>(special_tokens_.size()) - 256;
  if (left < static_cast<Index>(ascii)) {
    throw ValueError(message("vocabulary: a size of ", size_, " is too small for ",
                             special_tokens_.size(), " special tokens, 256 bytes and the ", ascii,
                             " ASCII characters of the texts"));
  }
  std::size_t const room = static_cast<std::size_t>(left);
  found.resize(std::min(found.size(), std::max(ascii, room / 2)));
  for (auto const& [savings, c] : found) chosen_.insert(Ngram(std::u32string_view(&c, 1)));
  places_ = room - found.size();
}

inline void NgramChoice::offer(NgramCount const& count) {
  if (count.places < min_count_) return;
  for (std::size_t i = 0; i < count.ngram.length(); ++i) {
    char32_t const c = count.ngram[i];
    if (!chosen_.contains(Ngram(std::u32string_view(&c, 1)))) return;
  }
  candidates_.push_back({count.weight * (count.ngram.length() - 1), count.ngram});
  if (candidates_.size() >= 16 * places_ + 4096) keep_best();
}

/// Of n-grams that are not worth much, some are needed to spell others: keeps eight for each place.
inline void NgramChoice::keep_best() {
  std::size_t const kept = std::min(candidates_.size(), 8 * places_ + 2048);
  std::nth_element(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(kept),
                   candidates_.end());
  candidates_.resize(kept);
}

inline bool NgramChoice::is_spelled(Ngram const& ngram) const {
  std::u32string const text = ngram.code_points();
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    std::u32string_view const view = text;
    if (chosen_.contains(Ngram(view.substr(0, cut))) && chosen_.contains(Ngram(view.substr(cut))))
      return true;
  }
  return false;
}

inline bool NgramChoice::is_kept_free(Ngram const& ngram) const {
  std::string const spelling = to_utf8(ngram.code_points());
  return std::find(special_tokens_.begin(), special_tokens_.end(), spelling) !=
         special_tokens_.end();
}

/// Takes an n-gram, and then whatever it spells that was worth more but could not be spelled.
inline void NgramChoice::take(Ngram const& ngram) {
  std::vector<Ngram> next = {ngram};
  while (!next.empty() && places_ > 0) {
    Ngram const taken = next.back();
    next.pop_back();
    if (!is_spelled(taken) || !chosen_.insert(taken).second) continue;
    --places_;
    auto const [first, last] = waiting_.equal_range(taken);
    for (auto place = first; place != last; ++place) next.push_back(place->second);
    waiting_.erase(first, last);
  }
}

inline void NgramChoice::choose_ngrams() {
  std::sort(candidates_.begin(), candidates_.end());
  for (Candidate const& candidate : candidates_) {
    if (places_ == 0) return;
    if (is_kept_free(candidate.ngram)) continue;
    if (is_spelled(candidate.ngram)) {
      take(candidate.ngram);
      continue;
    }
    std::u32string const text = candidate.ngram.code_points();
    std::u32string_view const view = text;
    for (std::size_t cut = 1; cut < view.size(); ++cut) {
      for (Ngram const part : {Ngram(view.substr(0, cut)), Ngram(view.substr(cut))})
        if (!chosen_.contains(part)) waiting_.emplace(part, candidate.ngram);
    }
  }
}

/// Code points in their order, then n-grams, the longest first.
inline std::vector<std::string> NgramChoice::spellings() const {
  std::vector<std::string> result;
  for (std::size_t length : {1U, 5U, 4U, 3U, 2U})
    for (Ngram const& ngram : chosen_)
      if (ngram.length() == length) result.push_back(to_utf8(ngram.code_points()));
  return result;
}

inline Vocabulary NgramChoice::vocabulary() {
  choose_ngrams();
  std::vector<Token> tokens;
  for (std::string const& special : special_tokens_)
    tokens.push_back({special, TokenKind::special});
  for (int byte = 0; byte < 256; ++byte)
    tokens.push_back({std::string(1, static_cast<char>(byte)), TokenKind::byte});
  std::size_t const first_text = tokens.size();
  for (std::string& spelling : spellings()) tokens.push_back({std::move(spelling)});
  std::unordered_map<std::string_view, TokenId> ids;
  std::vector<std::string> ngrams;
  for (std::size_t id = first_text; id < tokens.size(); ++id) {
    ids.emplace(tokens[id].spelling, static_cast<TokenId>(id));
    if (count_code_points(tokens[id].spelling) > 1) ngrams.push_back(tokens[id].spelling);
  }
  std::vector<TokenPair> const merges = all_splits(ngrams, ids);
  while (std::cmp_less(tokens.size(), size_))
    tokens.push_back({message("<unused_", tokens.size(), ">"), TokenKind::reserved});
  return Vocabulary(tokens, merges);
}

}  // namespace detail

ACCRETE_END_NAMESPACE
