/// A gate's weights as plain loops.
#pragma once

#include <algorithm>
#include <cmath>

#include <accrete/backend/reference/backend.hpp>
#include <accrete/ops/expert_weights.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct ExpertWeightsKernel<ReferenceBackend<T>> {
  using Backend = ReferenceBackend<T>;

  static void forward(Backend const&, View<Backend, Element const, 2> scores,
                      View<Backend, Statistic, 2> weights) {
    for (Index n = 0; n < scores.size(0); ++n) {
      T const* const row = scores.data() + n * scores.size(1);
      T const greatest = *std::max_element(row, row + scores.size(1));
      T sum{0};
      for (Index e = 0; e < scores.size(1); ++e) sum += weights(e, n) = std::exp(row[e] - greatest);
      for (Index e = 0; e < scores.size(1); ++e) weights(e, n) /= sum;
    }
  }

  static void backward(Backend const&, View<Backend, Statistic const, 2> grad_weights,
                       View<Backend, Statistic const, 2> weights,
                       View<Backend, Element, 2> grad_scores) {
    for (Index n = 0; n < weights.size(1); ++n) {
      T mean{0};
      for (Index e = 0; e < weights.size(0); ++e) mean += weights(e, n) * grad_weights(e, n);
      for (Index e = 0; e < weights.size(0); ++e)
        grad_scores(n, e) = weights(e, n) * (grad_weights(e, n) - mean);
    }
  }
};

ACCRETE_END_NAMESPACE
