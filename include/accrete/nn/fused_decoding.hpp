/// What a norm and an activation must tell so that decoding may compute them within the linear map beside them, where the
/// backend has such maps and is to use them.
#pragma once

#include <concepts>

#include <accrete/nn/module.hpp>
#include <accrete/ops/fused_linear.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Norms that say what they do to a row, as ours do. A norm of a user's own need not: its block decodes part by part.
template <class Norm>
concept DescribesRowNorm = Module<Norm> && HasFusedLinear<typename Norm::Backend> &&
    requires(Norm const& norm) {
  { norm.row_norm() } -> std::same_as<RowNorm<typename Norm::Backend>>;
};

/// Activations that an output row can have before it is stored, as ours can. One of a user's own need not: it is then called
/// between the two maps.
template <class Activation>
concept DescribesRowActivation = requires {
  { Activation::row_activation } -> std::convertible_to<RowActivation>;
};

ACCRETE_END_NAMESPACE
