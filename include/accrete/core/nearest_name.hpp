/// The known name that a misspelt one most likely means.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <ranges>
#include <string_view>
#include <vector>

#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The least number of letters to insert, delete or replace that makes `b` of `a` (Levenshtein).
[[nodiscard]] inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);  // distances from the letters of a so far
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      std::size_t const replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

/// The nearest of `known` to `name`, the first of equally near ones; empty if none is known.
template <std::ranges::forward_range Names>
[[nodiscard]] std::string_view nearest_name(std::string_view name, Names const& known) {
  std::string_view nearest;
  std::size_t least = static_cast<std::size_t>(-1);
  for (std::string_view const candidate : known) {
    std::size_t const distance = edit_distance(name, candidate);
    if (distance >= least) continue;
    least = distance;
    nearest = candidate;
  }
  return nearest;
}

ACCRETE_END_NAMESPACE
