/// The logarithm of a weighted mean of softmax distributions, gathered one distribution after the other.
#pragma once

#include <accrete/concepts/backend.hpp>

ACCRETE_BEGIN_NAMESPACE

/// One part of a mixture.
struct MixtureOptions {
  double log_weight = 0.0;  ///< log of the part's weight: -log E in a mean over E parts
  bool accumulate = false;  ///< add to the parts before, instead of beginning
};

/// The backend's part of the operation; each backend specialises it in `backend/<name>/mixture.hpp`.
template <class Backend>
struct MixtureKernel;

template <class Backend>
concept HasMixture = ComputeBackend<Backend> &&
    requires(Backend const& backend, View<Backend, Element const, 2> in,
             View<Backend, Statistic, 1> normalizers, View<Backend, Statistic const, 1> kept,
             View<Backend, Element, 2> out) {
  MixtureKernel<Backend>::forward(backend, in, normalizers, out, MixtureOptions{});
  MixtureKernel<Backend>::backward(backend, in, in, kept, out, 0.0);
};

/// With q[n,v] = log_weight + logits[n,v] - normalizers[n] and normalizers[n] = log sum_v exp(logits[n,v]):
/// mixture[n,v] = q[n,v], or log(exp(mixture[n,v]) + exp(q[n,v])) where `options.accumulate` says so.
///
/// Probabilities never leave the logarithm, so that none becomes 0. `normalizers` are kept for backward.
/// PyTorch: `torch.logaddexp(mixture, log_weight + F.log_softmax(logits, -1))`.
template <HasMixture Backend>
void mixture_forward(Backend const& backend, View<Backend, Element const, 2> logits,  // (N,V)
                     View<Backend, Statistic, 1> normalizers,                         // (N)
                     View<Backend, Element, 2> mixture,                               // (N,V)
                     MixtureOptions options) {
  check_sizes("mixture_forward", "normalizers", normalizers, {logits.size(0)});
  check_sizes("mixture_forward", "mixture", mixture, logits.sizes());
  MixtureKernel<Backend>::forward(backend, logits, normalizers, mixture, options);
}

/// The gradient of one part's logits, in their place. `mixture` is that of all parts. With the part's share
/// r[n,v] = exp(log_weight + logits[n,v] - normalizers[n] - mixture[n,v]) and p = softmax(logits[n,:]):
/// logits[n,v] <- grad_mixture[n,v] r[n,v] - p[v] sum_u grad_mixture[n,u] r[n,u].
template <HasMixture Backend>
void mixture_backward(Backend const& backend,
                      View<Backend, Element const, 2> grad_mixture,   // (N,V)
                      View<Backend, Element const, 2> mixture,        // (N,V)
                      View<Backend, Statistic const, 1> normalizers,  // (N)
                      View<Backend, Element, 2> logits,               // (N,V)
                      double log_weight) {
  check_sizes("mixture_backward", "grad_mixture", grad_mixture, logits.sizes());
  check_sizes("mixture_backward", "mixture", mixture, logits.sizes());
  check_sizes("mixture_backward", "normalizers", normalizers, {logits.size(0)});
  MixtureKernel<Backend>::backward(backend, grad_mixture, mixture, normalizers, logits, log_weight);
}

ACCRETE_END_NAMESPACE
