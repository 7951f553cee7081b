/// Root-mean-square normalisation as plain loops.
#pragma once

#include <cmath>

#include <accrete/backend/reference/backend.hpp>
#include <accrete/ops/rms_norm.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct RmsNormKernel<ReferenceBackend<T>> {
  using Backend = ReferenceBackend<T>;

  static void forward(Backend const&, View<Backend, Element const, 2> x,
                      View<Backend, Element const, 1> weight, View<Backend, Element, 2> out,
                      View<Backend, Statistic, 1> rstd, double epsilon) {
    Index const channels = x.size(1);
    for (Index n = 0; n < x.size(0); ++n) {
      T squares{0};
      for (Index c = 0; c < channels; ++c) squares += x(n, c) * x(n, c);
      rstd(n) = 1 / std::sqrt(squares / static_cast<T>(channels) + static_cast<T>(epsilon));
      for (Index c = 0; c < channels; ++c) out(n, c) = x(n, c) * rstd(n) * weight(c);
    }
  }

  static void backward(Backend const&, View<Backend, Element const, 2> grad_out,
                       View<Backend, Element const, 2> x, View<Backend, Element const, 1> weight,
                       View<Backend, Statistic const, 1> rstd, View<Backend, Element, 2> grad_x,
                       View<Backend, Master, 1> grad_weight) {
    Index const channels = x.size(1);
    for (Index n = 0; n < x.size(0); ++n) {
      T mean_of_g_normed{0};
      for (Index c = 0; c < channels; ++c) {
        T const normed = x(n, c) * rstd(n);
        mean_of_g_normed += grad_out(n, c) * weight(c) * normed / static_cast<T>(channels);
        if (!grad_weight.empty()) grad_weight(c) += grad_out(n, c) * normed;
      }
      for (Index c = 0; c < channels; ++c)
        grad_x(n, c) =
            rstd(n) * (grad_out(n, c) * weight(c) - x(n, c) * rstd(n) * mean_of_g_normed);
    }
  }
};

ACCRETE_END_NAMESPACE
