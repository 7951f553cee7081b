/// Where two JSON values differ.
#pragma once

#include <algorithm>
#include <string>

#include <accrete/io/json.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The path of the first value in which they differ, such as "stages[1].budget.steps"; `path` if that is the whole, and
/// empty if they are equal.
[[nodiscard]] inline std::string json_difference(Json const& a, Json const& b,
                                                 std::string const& path = "") {
  if (a == b) return {};
  if (a.is_array() && b.is_array()) {
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
      if (a.at(i) != b.at(i)) return json_difference(a.at(i), b.at(i), message(path, '[', i, ']'));
    return message(path, '[', std::min(a.size(), b.size()), ']');
  }
  if (!a.is_object() || !b.is_object()) return path;
  auto const inner = [&](std::string const& key) { return path.empty() ? key : path + "." + key; };
  for (auto const& [key, value] : a.as_object()) {
    Json const* const other = b.find(key);
    if (other == nullptr) return inner(key);
    if (*other != value) return json_difference(value, *other, inner(key));
  }
  for (auto const& [key, value] : b.as_object())
    if (!a.contains(key)) return inner(key);
  return path;
}

ACCRETE_END_NAMESPACE
