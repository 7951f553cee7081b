/// Sizes and positions are signed 64-bit numbers everywhere.
#pragma once

#include <cstdint>

#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

using Index = std::int64_t;

/// A token's id in a vocabulary.
using TokenId = std::int32_t;

/// A target that takes no part in the loss.
inline constexpr TokenId ignored_target = -1;

ACCRETE_END_NAMESPACE
