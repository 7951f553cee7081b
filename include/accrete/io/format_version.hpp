/// Versions of the formats of files: apart from the library's, each of its own format.
#pragma once

#include <charconv>
#include <string_view>
#include <system_error>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

/// What to do about a version that this library does not read: the end of a refusal, empty where `found` is not newer
/// than `newest`.
[[nodiscard]] constexpr std::string_view advice_on_version(Index found, Index newest) {
  return found > newest ? "; a newer accrete wrote it: update accrete to read it" : "";
}
/// The same for versions that are written as text.
[[nodiscard]] inline std::string_view advice_on_version(std::string_view found, Index newest) {
  Index number = 0;
  auto const [rest, error] = std::from_chars(found.data(), found.data() + found.size(), number);
  bool const is_number = error == std::errc{} && rest == found.data() + found.size();
  return is_number ? advice_on_version(number, newest) : "";
}

ACCRETE_END_NAMESPACE
