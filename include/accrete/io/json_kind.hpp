/// The six kinds of JSON values.
#pragma once

#include <cstddef>
#include <string_view>

#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

enum class JsonKind { null, boolean, number, string, array, object };

/// The kind as messages call it: "a string".
[[nodiscard]] constexpr std::string_view name_of(JsonKind kind) {
  constexpr std::string_view names[] = {"null",     "true or false", "a number",
                                        "a string", "an array",      "an object"};
  return names[static_cast<std::size_t>(kind)];
}

ACCRETE_END_NAMESPACE
