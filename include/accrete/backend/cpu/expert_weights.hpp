/// A gate's weights: few numbers, so plain loops, shared out by tokens.
#pragma once

#include <algorithm>
#include <cmath>

#include <accrete/backend/cpu/backend.hpp>
#include <accrete/ops/expert_weights.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct ExpertWeightsKernel<BasicCpuBackend<T>> {
  using Backend = BasicCpuBackend<T>;

  static void forward(Backend const& backend, View<Backend, Element const, 2> scores,
                      View<Backend, Statistic, 2> weights) {
    Index const experts = scores.size(1);
    backend.for_each_range(scores.size(0), 16 * experts, [&](IndexRange tokens) {
      for (Index n = tokens.begin; n < tokens.end; ++n) {
        T const* const row = scores.data() + n * experts;
        T const greatest = *std::max_element(row, row + experts);
        T sum{0};
        for (Index e = 0; e < experts; ++e) sum += weights(e, n) = std::exp(row[e] - greatest);
        for (Index e = 0; e < experts; ++e) weights(e, n) /= sum;
      }
    });
  }

  static void backward(Backend const& backend, View<Backend, Statistic const, 2> grad_weights,
                       View<Backend, Statistic const, 2> weights,
                       View<Backend, Element, 2> grad_scores) {
    Index const experts = weights.size(0);
    backend.for_each_range(weights.size(1), 4 * experts, [&](IndexRange tokens) {
      for (Index n = tokens.begin; n < tokens.end; ++n) {
        T mean{0};
        for (Index e = 0; e < experts; ++e) mean += weights(e, n) * grad_weights(e, n);
        for (Index e = 0; e < experts; ++e)
          grad_scores(n, e) = weights(e, n) * (grad_weights(e, n) - mean);
      }
    });
  }
};

ACCRETE_END_NAMESPACE
