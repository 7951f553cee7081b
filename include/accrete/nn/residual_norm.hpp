/// Where a residual sum and a norm stand next to each other: one call, which a backend may compute in one pass.
#pragma once

#include <accrete/nn/module.hpp>
#include <accrete/ops/residual_add.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Norms that take the sum in, as ours do. A norm of a user's own need not.
template <class Norm>
concept AddsResiduals = Module<Norm> &&
    requires(Norm const& norm, typename Norm::Backend const& backend,
             Gradients<typename Norm::Backend> const& gradients,
             View<typename Norm::Backend, Element const, 3> in,
             View<typename Norm::Backend, Element, 3> out, typename Norm::Activations& kept,
             typename Norm::Scratch& scratch) {
  norm.add_forward(backend, in, in, out, out, kept, scratch);
  norm.add_backward(backend, gradients, in, in, in, out, kept, scratch);
};

/// sum = x + y; out = norm(sum), all (B,T,C). `sum` may be `y` itself.
template <Module Norm, HasResidualAdd Backend>
void add_and_normalize(Norm const& norm, Backend const& backend, View<Backend, Element const, 3> x,
                       View<Backend, Element, 3> y, View<Backend, Element, 3> sum,
                       View<Backend, Element, 3> out, typename Norm::Activations& kept,
                       typename Norm::Scratch& scratch) {
  if constexpr (AddsResiduals<Norm>) {
    norm.add_forward(backend, x, y, sum, out, kept, scratch);
  } else {
    residual_add<Backend>(backend, x.rows(), y.rows(), sum.rows());
    norm.forward(backend, sum, out, kept, scratch);
  }
}

/// grad_x = skipped + the gradient of x through the norm: `skipped` came past it. All (B,T,C).
template <Module Norm, HasResidualAdd Backend>
void normalize_backward_and_add(
    Norm const& norm, Backend const& backend, Gradients<Backend> const& gradients,
    View<Backend, Element const, 3> grad_out, View<Backend, Element const, 3> x,
    View<Backend, Element const, 3> skipped, View<Backend, Element, 3> grad_x,
    typename Norm::Activations const& kept, typename Norm::Scratch& scratch) {
  if constexpr (AddsResiduals<Norm>) {
    norm.add_backward(backend, gradients, grad_out, x, skipped, grad_x, kept, scratch);
  } else {
    norm.backward(backend, gradients, grad_out, x, grad_x, kept, scratch);
    residual_add<Backend>(backend, grad_x.rows(), skipped.rows(), grad_x.rows());
  }
}

ACCRETE_END_NAMESPACE
