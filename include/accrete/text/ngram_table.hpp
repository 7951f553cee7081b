/// Counts n-grams in a bounded piece of memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <accrete/core/macros.hpp>
#include <accrete/text/ngram.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

/// A hash table with linear probing, at most three quarters full, that says when it is.
class NgramTable {
 public:
  /// Never takes more than `memory` bytes, while it grows included (but at least 2 MiB).
  explicit NgramTable(std::uint64_t memory) : memory_(memory), slots_(first_size) {}

  [[nodiscard]] bool empty() const { return used_ == 0; }

  /// Whether the table can take no further n-gram: `sorted` is due, then `clear`.
  [[nodiscard]] bool is_full() const { return used_ + 1 > limit() && !may_grow(); }

  /// Counts a place, in a table that is not full.
  void add(Ngram const& ngram, std::uint64_t weight) {
    if (used_ + 1 > limit()) grow();
    NgramCount& slot = slots_[place_of(ngram)];
    if (slot.places == 0) {
      slot.ngram = ngram;
      ++used_;
    }
    slot.weight += weight;
    ++slot.places;
  }

  /// All counts in the order of their n-grams; the table takes none until it is cleared.
  [[nodiscard]] std::span<NgramCount const> sorted() {
    auto const last = std::remove_if(slots_.begin(), slots_.end(),
                                     [](NgramCount const& slot) { return slot.places == 0; });
    std::sort(slots_.begin(), last,
              [](NgramCount const& a, NgramCount const& b) { return a.ngram < b.ngram; });
    return std::span(slots_).first(used_);
  }

  void clear() {
    std::fill(slots_.begin(), slots_.end(), NgramCount{});
    used_ = 0;
  }

 private:
  static constexpr std::size_t first_size = 1 << 14;

  [[nodiscard]] std::size_t limit() const { return slots_.size() / 4 * 3; }
  [[nodiscard]] bool may_grow() const {
    return 3 * slots_.size() * sizeof(NgramCount) <= memory_;  // old and new side by side
  }
  [[nodiscard]] std::size_t place_of(Ngram const& ngram) const {
    std::size_t place = ngram.hash() & (slots_.size() - 1);
    while (slots_[place].places != 0 && slots_[place].ngram != ngram)
      place = (place + 1) & (slots_.size() - 1);
    return place;
  }
  void grow() {
    std::vector<NgramCount> old(2 * slots_.size());
    old.swap(slots_);
    for (NgramCount const& slot : old)
      if (slot.places != 0) slots_[place_of(slot.ngram)] = slot;
  }

  std::uint64_t memory_;
  std::vector<NgramCount> slots_;
  std::size_t used_ = 0;
};

}  // namespace detail

ACCRETE_END_NAMESPACE
