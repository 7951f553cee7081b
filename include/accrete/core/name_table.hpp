/// The names of an enumeration's values, as files spell them.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <accrete/core/error.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Values and their names, in order:
///
///     inline constexpr NameTable<Shape, 2> shape_names{{{Shape::linear, "linear"}, {Shape::cosine, "cosine"}}};
template <class Value, std::size_t Count>
struct NameTable {
  std::array<std::pair<Value, std::string_view>, Count> entries;

  [[nodiscard]] constexpr std::string_view name_of(Value value) const {
    for (auto const& [known, name] : entries)
      if (known == value) return name;
    return {};
  }
  [[nodiscard]] constexpr std::optional<Value> find(std::string_view name) const {
    for (auto const& [value, known] : entries)
      if (known == name) return value;
    return std::nullopt;
  }
  [[nodiscard]] constexpr std::array<std::string_view, Count> names() const {
    std::array<std::string_view, Count> names{};
    for (std::size_t i = 0; i < Count; ++i) names[i] = entries[i].second;
    return names;
  }
  /// "constant, linear or cosine"
  [[nodiscard]] std::string list() const {
    std::string list;
    for (std::size_t i = 0; i < Count; ++i) {
      if (i > 0) list += i + 1 < Count ? ", " : " or ";
      list += entries[i].second;
    }
    return list;
  }
  /// Throws ValueError for a name that is none: "expected constant, linear or cosine, got cosin".
  [[nodiscard]] Value at(std::string_view name) const {
    if (auto const value = find(name)) return *value;
    throw ValueError(message("expected ", list(), ", got ", name));
  }
};

ACCRETE_END_NAMESPACE
