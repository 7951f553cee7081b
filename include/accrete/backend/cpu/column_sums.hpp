/// Sums over tokens, one per column: the gradients of biases and norms.
#pragma once

#include <algorithm>
#include <array>

#include <accrete/backend/cpu/pack.hpp>
#include <accrete/core/index_range.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace detail {

/// gradient[c] += scale * sum_n f(n, at), for the packs `at` of columns in `columns`. Rows are added
/// in order, in a tile of columns at a time that stays in the first cache.
template <class T, class F>
[[gnu::flatten]] void add_column_sums(Index rows, IndexRange columns, T scale, T* gradient, F&& f) {
  constexpr Index tile = 512;
  for (Index begin = columns.begin; begin < columns.end; begin += tile) {
    Index const count = std::min(tile, columns.end - begin);
    std::array<T, tile> sums{};
    for (Index n = 0; n < rows; ++n)
      for_each_pack<T>(
          count, [&](auto at) { at.store(sums.data(), at.load(sums.data()) + f(n, begin, at)); });
    for_each_pack<T>(count, [&](auto at) {
      T* const to = gradient + begin;
      at.store(to, multiply_add(Pack<T>(scale), at.load(sums.data()), at.load(to)));
    });
  }
}

}  // namespace detail
ACCRETE_END_NAMESPACE
