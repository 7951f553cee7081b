/// What an embedding is to a decoder.
#pragma once

#include <concepts>

#include <accrete/nn/module.hpp>
#include <accrete/ops/embedding.hpp>
#include <accrete/substrate/substrate.hpp>

ACCRETE_BEGIN_NAMESPACE

/// A layer maps ids (B,T) to hidden states (B,T,C). `trainable()` says whether it has parameters that may train.
template <class L>
concept EmbeddingLayer = ComputeBackend<typename L::Backend> && VisitsParameters<L> &&
    DescribesItsArchitecture<L> && requires(L const& layer, typename L::Backend const& backend,
                                            View<typename L::Backend, TokenId const, 2> ids,
                                            View<typename L::Backend, Element, 3> out,
                                            View<typename L::Backend, Element const, 3> grad_out,
                                            Gradients<typename L::Backend> const& gradients) {
  layer.forward(backend, ids, out);
  layer.backward(backend, gradients, ids, grad_out);
};

/// An embedding policy names the layer that it makes for a backend: `Policy::Layer<Backend>{backend, substrate, C}`.
/// `dockable` says whether experts trained apart on one substrate share this embedding, so that they may be merged.
template <class Policy, class Backend>
concept EmbeddingPolicy = EmbeddingLayer<typename Policy::template Layer<Backend>> &&
    std::constructible_from<typename Policy::template Layer<Backend>, Backend, Substrate, Index> &&
    requires {
  { Policy::dockable } -> std::convertible_to<bool>;
};

namespace detail {
inline void check_expansion(char const* policy, Index model_dim, Index width) {
  if (width < 1 || model_dim % width != 0)
    throw ShapeError(message(policy, ": model_dim ", model_dim,
                             " is no multiple of the embedding width ", width,
                             ", so rows cannot be expanded by repetition"));
}
}  // namespace detail

ACCRETE_END_NAMESPACE
