/// Layer normalisation as plain loops.
#pragma once

#include <cmath>

#include <accrete/backend/reference/backend.hpp>
#include <accrete/ops/layer_norm.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct LayerNormKernel<ReferenceBackend<T>> {
  using Backend = ReferenceBackend<T>;

  static void forward(Backend const&, View<Backend, Element const, 2> x,
                      View<Backend, Element const, 1> weight, View<Backend, Element const, 1> bias,
                      View<Backend, Element, 2> out, View<Backend, Statistic, 1> mean,
                      View<Backend, Statistic, 1> rstd, double epsilon) {
    Index const channels = x.size(1);
    for (Index n = 0; n < x.size(0); ++n) {
      T sum{0};
      for (Index c = 0; c < channels; ++c) sum += x(n, c);
      mean(n) = sum / static_cast<T>(channels);
      T squares{0};
      for (Index c = 0; c < channels; ++c) squares += (x(n, c) - mean(n)) * (x(n, c) - mean(n));
      rstd(n) = 1 / std::sqrt(squares / static_cast<T>(channels) + static_cast<T>(epsilon));
      for (Index c = 0; c < channels; ++c)
        out(n, c) = (x(n, c) - mean(n)) * rstd(n) * weight(c) + bias(c);
    }
  }

  static void backward(Backend const&, View<Backend, Element const, 2> grad_out,
                       View<Backend, Element const, 2> x, View<Backend, Element const, 1> weight,
                       View<Backend, Statistic const, 1> mean,
                       View<Backend, Statistic const, 1> rstd, View<Backend, Element, 2> grad_x,
                       View<Backend, Master, 1> grad_weight, View<Backend, Master, 1> grad_bias) {
    Index const channels = x.size(1);
    for (Index n = 0; n < x.size(0); ++n) {
      auto const normed = [&](Index c) { return (x(n, c) - mean(n)) * rstd(n); };
      T mean_of_g{0};
      T mean_of_g_normed{0};
      for (Index c = 0; c < channels; ++c) {
        T const g = grad_out(n, c) * weight(c);
        mean_of_g += g / static_cast<T>(channels);
        mean_of_g_normed += g * normed(c) / static_cast<T>(channels);
        if (!grad_weight.empty()) grad_weight(c) += grad_out(n, c) * normed(c);
        if (!grad_bias.empty()) grad_bias(c) += grad_out(n, c);
      }
      for (Index c = 0; c < channels; ++c)
        grad_x(n, c) =
            rstd(n) * (grad_out(n, c) * weight(c) - mean_of_g - normed(c) * mean_of_g_normed);
    }
  }
};

ACCRETE_END_NAMESPACE
