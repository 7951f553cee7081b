/// Which rows are equal: tokens that a model cannot tell apart.
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/substrate/bit_matrix.hpp>
#include <accrete/substrate/substrate.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

/// `row_at(i)` is a range of comparable numbers.
template <class RowAt>
[[nodiscard]] std::vector<std::vector<Index>> group_equal_rows(Index rows, RowAt row_at) {
  std::vector<Index> order(static_cast<std::size_t>(rows));
  std::iota(order.begin(), order.end(), Index{0});
  auto const equal = [&](Index a, Index b) { return std::ranges::equal(row_at(a), row_at(b)); };
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) {
    return std::ranges::lexicographical_compare(row_at(a), row_at(b));
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

}  // namespace detail

/// Groups of two and more equal rows, each by ascending row, the groups by their first row.
[[nodiscard]] inline std::vector<std::vector<Index>> equal_rows(BitMatrix const& bits) {
  return detail::group_equal_rows(bits.rows(), [&](Index row) { return bits.row(row); });
}

/// The same of the rows of a substrate's table.
[[nodiscard]] inline std::vector<std::vector<Index>> equal_rows(Substrate const& substrate) {
  return detail::group_equal_rows(substrate.vocabulary_size(), [&](Index row) {
    return substrate.row(static_cast<TokenId>(row));
  });
}

ACCRETE_END_NAMESPACE
