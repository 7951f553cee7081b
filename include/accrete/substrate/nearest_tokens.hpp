/// Tokens whose rows, so whose pictures, are near.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <span>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/substrate/substrate.hpp>

ACCRETE_BEGIN_NAMESPACE

struct Neighbour {
  TokenId id{};
  double cosine{};
};

/// The `count` tokens whose rows point most nearly where `row` (width) does, by falling cosine, of
/// equal ones the lower id first. Rows of zeros have no direction and are left out.
///
/// Throws ShapeError for a row of another width, ValueError for one of zeros.
[[nodiscard]] std::vector<Neighbour> nearest_tokens(Substrate const& substrate,
                                                    std::span<float const> row, Index count);

namespace detail {

[[nodiscard]] inline double dot(std::span<float const> a, std::span<float const> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0, std::plus<>(),
                            [](float x, float y) { return double{x} * double{y}; });
}

}  // namespace detail

inline std::vector<Neighbour> nearest_tokens(Substrate const& substrate, std::span<float const> row,
                                             Index count) {
  if (static_cast<Index>(row.size()) != substrate.width()) {
    throw ShapeError(message("nearest_tokens: expected a row of width ", substrate.width(),
                             ", got ", row.size()));
  }
  double const length = std::sqrt(detail::dot(row, row));
  if (length == 0) throw ValueError("nearest_tokens: a row of zeros is near to nothing");
  std::vector<Neighbour> neighbours;
  for (TokenId id = 0; id < substrate.vocabulary_size(); ++id) {
    auto const other = substrate.row(id);
    double const other_length = std::sqrt(detail::dot(other, other));
    if (other_length > 0)
      neighbours.push_back({id, detail::dot(row, other) / (length * other_length)});
  }
  auto const end =
      neighbours.begin() + std::clamp<Index>(count, 0, static_cast<Index>(neighbours.size()));
  std::partial_sort(neighbours.begin(), end, neighbours.end(), [](auto const& a, auto const& b) {
    return a.cosine != b.cosine ? a.cosine > b.cosine : a.id < b.id;
  });
  neighbours.erase(end, neighbours.end());
  return neighbours;
}

ACCRETE_END_NAMESPACE
