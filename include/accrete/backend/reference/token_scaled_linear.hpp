/// Linear maps with a scale per row as plain loops.
#pragma once

#include <accrete/backend/reference/backend.hpp>
#include <accrete/ops/token_scaled_linear.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct TokenScaledLinearKernel<ReferenceBackend<T>> {
  using Backend = ReferenceBackend<T>;

  static void forward(Backend const&, View<Backend, Element const, 2> x,
                      View<Backend, Statistic const, 1> token_scale,
                      View<Backend, Element const, 2> weight, View<Backend, Element const, 1> bias,
                      View<Backend, Element, 2> out, LinearOptions options) {
    for (Index n = 0; n < out.size(0); ++n)
      for (Index o = 0; o < out.size(1); ++o)
        out(n, o) = (options.accumulate ? out(n, o) : T{0}) +
                    static_cast<T>(options.scale) * token_scale(n) * map(x, weight, bias, n, o);
  }

  static void backward(Backend const&, View<Backend, Element const, 2> grad_out,
                       View<Backend, Element const, 2> x,
                       View<Backend, Statistic const, 1> token_scale,
                       View<Backend, Element const, 2> weight, View<Backend, Element const, 1> bias,
                       View<Backend, Element, 2> grad_x,
                       View<Backend, Statistic, 1> grad_token_scale,
                       View<Backend, Master, 2> grad_weight, View<Backend, Master, 1> grad_bias,
                       double scale_of_all) {
    T const scale = static_cast<T>(scale_of_all);
    for (Index n = 0; n < x.size(0); ++n) {
      for (Index i = 0; i < (grad_x.empty() ? 0 : x.size(1)); ++i) grad_x(n, i) = T{0};
      for (Index o = 0; o < weight.size(0); ++o) {
        T const from = scale * token_scale(n) * grad_out(n, o);
        if (!grad_token_scale.empty())
          grad_token_scale(n) += scale * grad_out(n, o) * map(x, weight, bias, n, o);
        if (!grad_bias.empty()) grad_bias(o) += from;
        for (Index i = 0; i < x.size(1); ++i) {
          if (!grad_x.empty()) grad_x(n, i) += from * weight(o, i);
          if (!grad_weight.empty()) grad_weight(o, i) += from * x(n, i);
        }
      }
    }
  }

 private:
  static T map(View<Backend, Element const, 2> x, View<Backend, Element const, 2> weight,
               View<Backend, Element const, 1> bias, Index n, Index o) {
    T sum = bias.empty() ? T{0} : bias(o);
    for (Index i = 0; i < x.size(1); ++i) sum += x(n, i) * weight(o, i);
    return sum;
  }
};

ACCRETE_END_NAMESPACE
