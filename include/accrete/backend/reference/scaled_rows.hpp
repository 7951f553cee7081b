/// Scaled rows as plain loops.
#pragma once

#include <accrete/backend/reference/backend.hpp>
#include <accrete/ops/scaled_rows.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct ScaledRowsKernel<ReferenceBackend<T>> {
  using Backend = ReferenceBackend<T>;

  static void forward(Backend const&, View<Backend, Element const, 2> x,
                      View<Backend, Statistic const, 1> token_scale, View<Backend, Element, 2> out,
                      LinearOptions options) {
    for (Index n = 0; n < x.size(0); ++n)
      for (Index c = 0; c < x.size(1); ++c)
        out(n, c) = (options.accumulate ? out(n, c) : T{0}) +
                    factor(token_scale, n, options.scale) * x(n, c);
  }

  static void backward(Backend const&, View<Backend, Element const, 2> grad_out,
                       View<Backend, Statistic const, 1> token_scale, View<Backend, Element, 2> x,
                       View<Backend, Statistic, 1> grad_token_scale, double scale) {
    for (Index n = 0; n < x.size(0); ++n)
      for (Index c = 0; c < x.size(1); ++c) {
        if (!grad_token_scale.empty())
          grad_token_scale(n) += static_cast<T>(scale) * grad_out(n, c) * x(n, c);
        x(n, c) = factor(token_scale, n, scale) * grad_out(n, c);
      }
  }

 private:
  static T factor(View<Backend, Statistic const, 1> token_scale, Index n, double scale) {
    return static_cast<T>(scale) * (token_scale.empty() ? T{1} : token_scale(n));
  }
};

ACCRETE_END_NAMESPACE
