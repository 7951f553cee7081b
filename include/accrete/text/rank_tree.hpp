/// Which place has the lowest rank, while ranks change.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

/// Ranks of places, and the place of the lowest, of equals the leftmost, at any time. A tree of
/// minima with eight children to a node: a change costs one comparison of eight for each level up to
/// where nothing changes. For the many merges of a long text this takes half the time of a heap,
/// whose branches no processor predicts and which fills with pairs that are gone.
class RankTree {
 public:
  static constexpr std::uint32_t no_rank = 0xFFFFFFFF;

  void clear() {
    size_ = 0;
    levels_[0].clear();
  }

  /// Adds a place. Between push_back and prepare, `set_last` changes its rank.
  void push_back(std::uint32_t rank) {
    levels_[0].push_back(key(rank, size_));
    ++size_;
  }
  void set_last(std::uint32_t rank) { levels_[0].back() = key(rank, size_ - 1); }

  /// After the last push_back: makes the tree.
  void prepare();

  struct Ranked {
    std::uint32_t rank;  // no_rank if no place has one
    std::size_t place;
  };
  [[nodiscard]] Ranked lowest() const {
    std::uint64_t const lowest = minimum(&levels_[height_][0]);
    return {static_cast<std::uint32_t>(lowest >> 32), lowest & 0xFFFFFFFF};
  }

  void set(std::size_t place, std::uint32_t rank);

 private:
  static constexpr std::size_t children = 8;

  [[nodiscard]] static std::uint64_t key(std::uint32_t rank, std::size_t place) {
    return std::uint64_t{rank} << 32 | place;
  }
  [[nodiscard]] static std::uint64_t minimum(std::uint64_t const* keys) {
    return std::min(std::min(std::min(keys[0], keys[1]), std::min(keys[2], keys[3])),
                    std::min(std::min(keys[4], keys[5]), std::min(keys[6], keys[7])));
  }
  static void fill_up(std::vector<std::uint64_t>& level) {
    level.resize((level.size() + children - 1) / children * children, ~std::uint64_t{0});
  }

  std::size_t size_ = 0;
  std::size_t height_ = 0;                                 // of the level that is one node
  std::vector<std::vector<std::uint64_t>> levels_ = {{}};  // rank << 32 | place, in whole nodes
};

inline void RankTree::prepare() {
  fill_up(levels_[0]);
  for (height_ = 0; levels_[height_].size() > children; ++height_) {
    if (levels_.size() == height_ + 1) levels_.emplace_back();
    std::vector<std::uint64_t> const& below = levels_[height_];
    std::vector<std::uint64_t>& above = levels_[height_ + 1];
    above.clear();
    for (std::size_t i = 0; i < below.size(); i += children) above.push_back(minimum(&below[i]));
    fill_up(above);
  }
}

inline void RankTree::set(std::size_t place, std::uint32_t rank) {
  levels_[0][place] = key(rank, place);
  for (std::size_t level = 0; level < height_; ++level) {
    std::size_t const parent = place / children;
    std::uint64_t const lowest = minimum(&levels_[level][parent * children]);
    std::uint64_t& known = levels_[level + 1][parent];
    if (known == lowest) return;
    known = lowest;
    place = parent;
  }
}

}  // namespace detail

ACCRETE_END_NAMESPACE
