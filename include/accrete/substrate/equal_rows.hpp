/// Which rows of bits are equal: tokens that a model cannot tell apart.
#pragma once

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/substrate/bit_matrix.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Groups of two and more equal rows, each by ascending row, the groups by their first row.
[[nodiscard]] inline std::vector<std::vector<Index>> equal_rows(BitMatrix const& bits) {
  std::vector<Index> order(static_cast<std::size_t>(bits.rows()));
  std::iota(order.begin(), order.end(), Index{0});
  auto const equal = [&](Index a, Index b) { return std::ranges::equal(bits.row(a), bits.row(b)); };
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) {
    return std::ranges::lexicographical_compare(bits.row(a), bits.row(b));
  });
  std::vector<std::vector<Index>> groups;
  for (auto begin = order.begin(); begin != order.end();) {
    auto const end =
        std::find_if_not(begin, order.end(), [&](Index row) { return equal(*begin, row); });
    if (end - begin > 1) groups.emplace_back(begin, end);
    begin = end;
  }
  std::sort(groups.begin(), groups.end());
  return groups;
}

ACCRETE_END_NAMESPACE
