/// Softmax cross-entropy of rows of logits, and its gradient in place.
#pragma once

#include <accrete/concepts/backend.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The backend's part of the operation; each backend specialises it in
/// `backend/<name>/cross_entropy.hpp`.
template <class Backend>
struct CrossEntropyKernel;

template <class Backend>
concept HasCrossEntropy = ComputeBackend<Backend> &&
    requires(Backend const& backend, View<Backend, Element const, 2> logits,
             View<Backend, Element, 2> in_place, View<Backend, TokenId const, 1> targets,
             View<Backend, Statistic, 1> losses) {
  CrossEntropyKernel<Backend>::forward(backend, logits, targets, losses);
  CrossEntropyKernel<Backend>::forward_backward(backend, in_place, targets, losses, 1.0);
};

/// losses[n] = log sum_v exp(logits[n,v]) - logits[n,targets[n]], in nats; 0 where the target is
/// ignored.
///
/// PyTorch: `torch.nn.functional.cross_entropy(logits, targets, ignore_index=-1,
/// reduction="none")`.
template <HasCrossEntropy Backend>
void cross_entropy_forward(Backend const& backend, View<Backend, Element const, 2> logits,  // (N,V)
                           View<Backend, TokenId const, 1> targets,                         // (N)
                           View<Backend, Statistic, 1> losses) {                            // (N)
  check_sizes("cross_entropy_forward", "targets", targets, {logits.size(0)});
  check_sizes("cross_entropy_forward", "losses", losses, {logits.size(0)});
  CrossEntropyKernel<Backend>::forward(backend, logits, targets, losses);
}

/// The losses as above; then logits[n,v] <- scale * (softmax(logits[n,:])[v] - [v == targets[n]]),
/// the gradient of scale * sum_n losses[n]; 0 in rows whose target is ignored. In place, because
/// logits are the largest tensor.
template <HasCrossEntropy Backend>
void cross_entropy_forward_backward(Backend const& backend,
                                    View<Backend, Element, 2> logits,         // (N,V)
                                    View<Backend, TokenId const, 1> targets,  // (N)
                                    View<Backend, Statistic, 1> losses,       // (N)
                                    double scale) {
  check_sizes("cross_entropy_forward_backward", "targets", targets, {logits.size(0)});
  check_sizes("cross_entropy_forward_backward", "losses", losses, {logits.size(0)});
  CrossEntropyKernel<Backend>::forward_backward(backend, logits, targets, losses, scale);
}

ACCRETE_END_NAMESPACE
