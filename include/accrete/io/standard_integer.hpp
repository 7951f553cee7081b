/// The integers that are numbers: neither truths nor characters.
#pragma once

#include <concepts>

#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

template <class T, class... Others>
concept NoneOf = !(std::same_as<T, Others> || ...);

}  // namespace detail

template <class T>
concept StandardInteger =
    std::integral<T> && detail::NoneOf<T, bool, char, wchar_t, char8_t, char16_t, char32_t>;

ACCRETE_END_NAMESPACE
