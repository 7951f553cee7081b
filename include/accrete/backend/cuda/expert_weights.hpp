/// A gate's weights on the device: few numbers, a thread for each token.
#pragma once

#include <accrete/backend/cuda/backend.hpp>
#include <accrete/ops/expert_weights.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

template <class T>
struct ExpertWeightsForward {
  static constexpr int threads = 256;
  using Real = Compute<T>;
  T const* scores;  // (N,E)
  Real* weights;    // (E,N)
  Index tokens, experts;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    policy.for_each(tokens, [&](Index n) {
      T const* const row = scores + n * experts;
      Real greatest = real(row[0]);
      for (Index e = 1; e < experts; ++e) greatest = Greatest{}(greatest, real(row[e]));
      Real sum{0};
      for (Index e = 0; e < experts; ++e) {
        Real const power = std::exp(real(row[e]) - greatest);
        weights[e * tokens + n] = power;
        sum += power;
      }
      for (Index e = 0; e < experts; ++e) weights[e * tokens + n] /= sum;
    });
  }
};

template <class T>
struct ExpertWeightsBackward {
  static constexpr int threads = 256;
  using Real = Compute<T>;
  Real const *grad_weights, *weights;  // (E,N)
  T* grad_scores;                      // (N,E)
  Index tokens, experts;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    policy.for_each(tokens, [&](Index n) {
      Real mean{0};
      for (Index e = 0; e < experts; ++e)
        mean += weights[e * tokens + n] * grad_weights[e * tokens + n];
      for (Index e = 0; e < experts; ++e)
        grad_scores[n * experts + e] =
            static_cast<T>(weights[e * tokens + n] * (grad_weights[e * tokens + n] - mean));
    });
  }
};

ACCRETE_END_CUDA_NAMESPACE

ACCRETE_BEGIN_NAMESPACE

template <class E>
struct ExpertWeightsKernel<BasicCudaBackend<E>> {
  using Backend = BasicCudaBackend<E>;

  static void forward(Backend const& backend, View<Backend, Element const, 2> scores,
                      View<Backend, Statistic, 2> weights) {
    if (scores.size(1) == 0) return;
    cuda::launch(backend.context(), "expert_weights_forward", cuda::blocks_for(scores.size(0), 256),
                 cuda::ExpertWeightsForward<E>{scores.data(), weights.data(), scores.size(0),
                                               scores.size(1)});
  }
  static void backward(Backend const& backend, View<Backend, Statistic const, 2> grad_weights,
                       View<Backend, Statistic const, 2> weights,
                       View<Backend, Element, 2> grad_scores) {
    cuda::launch(
        backend.context(), "expert_weights_backward", cuda::blocks_for(weights.size(1), 256),
        cuda::ExpertWeightsBackward<E>{grad_weights.data(), weights.data(), grad_scores.data(),
                                       weights.size(1), weights.size(0)});
  }
};

ACCRETE_END_NAMESPACE
