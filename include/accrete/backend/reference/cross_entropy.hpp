/// Softmax cross-entropy as plain loops.
#pragma once

#include <algorithm>
#include <cmath>

#include <accrete/backend/reference/backend.hpp>
#include <accrete/ops/cross_entropy.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct CrossEntropyKernel<ReferenceBackend<T>> {
  using Backend = ReferenceBackend<T>;

  static void forward(Backend const&, View<Backend, Element const, 2> logits,
                      View<Backend, TokenId const, 1> targets, View<Backend, Statistic, 1> losses) {
    for (Index n = 0; n < logits.size(0); ++n)
      losses(n) =
          targets(n) == ignored_target ? T{0} : log_sum_exp(logits, n) - logits(n, targets(n));
  }

  static void forward_backward(Backend const& backend, View<Backend, Element, 2> logits,
                               View<Backend, TokenId const, 1> targets,
                               View<Backend, Statistic, 1> losses, double scale_of_losses) {
    T const scale = static_cast<T>(scale_of_losses);
    forward(backend, logits, targets, losses);
    for (Index n = 0; n < logits.size(0); ++n) {
      bool const ignored = targets(n) == ignored_target;
      T const normalizer = log_sum_exp(logits, n);
      for (Index v = 0; v < logits.size(1); ++v) {
        T const probability = std::exp(logits(n, v) - normalizer);
        logits(n, v) = ignored ? T{0} : scale * (probability - (v == targets(n) ? T{1} : T{0}));
      }
    }
  }

 private:
  static T log_sum_exp(View<Backend, Element const, 2> logits, Index n) {
    T const* const row = logits.data() + n * logits.size(1);
    T const greatest = *std::max_element(row, row + logits.size(1));
    T sum{0};
    for (Index v = 0; v < logits.size(1); ++v) sum += std::exp(row[v] - greatest);
    return greatest + std::log(sum);
  }
};

ACCRETE_END_NAMESPACE
