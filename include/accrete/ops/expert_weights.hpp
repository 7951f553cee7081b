/// A gate's weights: a softmax over experts for each token.
#pragma once

#include <accrete/concepts/backend.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The backend's part of the operation; each backend specialises it in
/// `backend/<name>/expert_weights.hpp`.
template <class Backend>
struct ExpertWeightsKernel;

template <class Backend>
concept HasExpertWeights = ComputeBackend<Backend> &&
    requires(Backend const& backend, View<Backend, Element const, 2> scores,
             View<Backend, Statistic, 2> weights, View<Backend, Statistic const, 2> kept,
             View<Backend, Element, 2> grad_scores) {
  ExpertWeightsKernel<Backend>::forward(backend, scores, weights);
  ExpertWeightsKernel<Backend>::backward(backend, kept, kept, grad_scores);
};

/// weights[e,n] = exp(scores[n,e]) / sum_f exp(scores[n,f]): an expert's weights for all tokens lie side by side.
///
/// PyTorch: `F.softmax(scores, -1).T`.
template <HasExpertWeights Backend>
void expert_weights_forward(Backend const& backend,
                            View<Backend, Element const, 2> scores,  // (N,E)
                            View<Backend, Statistic, 2> weights) {   // (E,N)
  check_sizes("expert_weights_forward", "weights", weights, {scores.size(1), scores.size(0)});
  ExpertWeightsKernel<Backend>::forward(backend, scores, weights);
}

/// grad_scores[n,e] = weights[e,n] * (grad_weights[e,n] - sum_f weights[f,n] grad_weights[f,n]).
template <HasExpertWeights Backend>
void expert_weights_backward(Backend const& backend,
                             View<Backend, Statistic const, 2> grad_weights,  // (E,N)
                             View<Backend, Statistic const, 2> weights,       // (E,N)
                             View<Backend, Element, 2> grad_scores) {         // (N,E)
  check_sizes("expert_weights_backward", "weights", weights, grad_weights.sizes());
  check_sizes("expert_weights_backward", "grad_scores", grad_scores,
              {weights.size(1), weights.size(0)});
  ExpertWeightsKernel<Backend>::backward(backend, grad_weights, weights, grad_scores);
}

ACCRETE_END_NAMESPACE
