/// Linear maps as plain loops.
#pragma once

#include <accrete/backend/reference/backend.hpp>
#include <accrete/ops/linear.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct LinearKernel<ReferenceBackend<T>> {
  using Backend = ReferenceBackend<T>;

  static void forward(Backend const&, View<Backend, Element const, 2> x,
                      View<Backend, Element const, 2> weight, View<Backend, Element const, 1> bias,
                      View<Backend, Element, 2> out, LinearOptions options) {
    T const scale = static_cast<T>(options.scale);
    for (Index n = 0; n < out.size(0); ++n)
      for (Index o = 0; o < out.size(1); ++o) {
        T sum = bias.empty() ? T{0} : bias(o);
        for (Index i = 0; i < x.size(1); ++i) sum += x(n, i) * weight(o, i);
        out(n, o) = (options.accumulate ? out(n, o) : T{0}) + scale * sum;
      }
  }

  static void backward_input(Backend const&, View<Backend, Element const, 2> grad_out,
                             View<Backend, Element const, 2> weight,
                             View<Backend, Element, 2> grad_x, LinearOptions options) {
    T const scale = static_cast<T>(options.scale);
    for (Index n = 0; n < grad_x.size(0); ++n)
      for (Index i = 0; i < grad_x.size(1); ++i) {
        T sum{0};
        for (Index o = 0; o < grad_out.size(1); ++o) sum += grad_out(n, o) * weight(o, i);
        grad_x(n, i) = (options.accumulate ? grad_x(n, i) : T{0}) + scale * sum;
      }
  }

  static void backward_parameters(Backend const&, View<Backend, Element const, 2> grad_out,
                                  View<Backend, Element const, 2> x,
                                  View<Backend, Master, 2> grad_weight,
                                  View<Backend, Master, 1> grad_bias, double scale_of_terms) {
    T const scale = static_cast<T>(scale_of_terms);
    for (Index o = 0; o < grad_out.size(1); ++o) {
      for (Index i = 0; i < (grad_weight.empty() ? 0 : x.size(1)); ++i) {
        T sum{0};
        for (Index n = 0; n < x.size(0); ++n) sum += grad_out(n, o) * x(n, i);
        grad_weight(o, i) += scale * sum;
      }
      T sum{0};
      for (Index n = 0; n < x.size(0); ++n) sum += grad_out(n, o);
      if (!grad_bias.empty()) grad_bias(o) += scale * sum;
    }
  }
};

ACCRETE_END_NAMESPACE
