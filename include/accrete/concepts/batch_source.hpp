/// Where a trainer takes its tokens from.
#pragma once

#include <concepts>
#include <span>

#include <accrete/core/index.hpp>
#include <accrete/io/json.hpp>

ACCRETE_BEGIN_NAMESPACE

/// `next` fills inputs and targets (B*T each, row-major); a target of -1 takes no part in the loss. `state` and
/// `restore` make a resumed run see the same batches.
template <class S>
concept BatchSource = requires(S& source, S const& const_source, std::span<TokenId> tokens,
                               Json const& state) {
  { const_source.batch() } -> std::convertible_to<Index>;
  { const_source.time() } -> std::convertible_to<Index>;
  source.next(tokens, tokens);
  { const_source.state() } -> std::same_as<Json>;
  source.restore(state);
};

ACCRETE_END_NAMESPACE
