/// Mixtures as plain loops.
#pragma once

#include <algorithm>
#include <cmath>

#include <accrete/backend/reference/backend.hpp>
#include <accrete/ops/mixture.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct MixtureKernel<ReferenceBackend<T>> {
  using Backend = ReferenceBackend<T>;

  static void forward(Backend const&, View<Backend, Element const, 2> logits,
                      View<Backend, Statistic, 1> normalizers, View<Backend, Element, 2> mixture,
                      MixtureOptions options) {
    for (Index n = 0; n < logits.size(0); ++n) {
      T const* const row = logits.data() + n * logits.size(1);
      T const greatest = *std::max_element(row, row + logits.size(1));
      T sum{0};
      for (Index v = 0; v < logits.size(1); ++v) sum += std::exp(row[v] - greatest);
      normalizers(n) = greatest + std::log(sum);
      for (Index v = 0; v < logits.size(1); ++v) {
        T const part = row[v] - normalizers(n) + static_cast<T>(options.log_weight);
        T const before = mixture(n, v);
        mixture(n, v) = !options.accumulate ? part
                                            : std::max(part, before) +
                                                  std::log1p(std::exp(-std::abs(part - before)));
      }
    }
  }

  static void backward(Backend const&, View<Backend, Element const, 2> grad_mixture,
                       View<Backend, Element const, 2> mixture,
                       View<Backend, Statistic const, 1> normalizers,
                       View<Backend, Element, 2> logits, double log_weight) {
    for (Index n = 0; n < logits.size(0); ++n) {
      auto const share = [&](Index v) {
        return std::exp(logits(n, v) - normalizers(n) + static_cast<T>(log_weight) - mixture(n, v));
      };
      T sum{0};
      for (Index v = 0; v < logits.size(1); ++v) sum += grad_mixture(n, v) * share(v);
      for (Index v = 0; v < logits.size(1); ++v)
        logits(n, v) =
            grad_mixture(n, v) * share(v) - std::exp(logits(n, v) - normalizers(n)) * sum;
    }
  }
};

ACCRETE_END_NAMESPACE
