/// Linear maps: three products and a sum of columns.
#pragma once

#include <accrete/backend/cpu/backend.hpp>
#include <accrete/backend/cpu/column_sums.hpp>
#include <accrete/backend/cpu/product.hpp>
#include <accrete/ops/linear.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct LinearKernel<BasicCpuBackend<T>> {
  using Backend = BasicCpuBackend<T>;

  static void forward(Backend const& backend, View<Backend, Element const, 2> x,
                      View<Backend, Element const, 2> weight, View<Backend, Element const, 1> bias,
                      View<Backend, Element, 2> out, LinearOptions options) {
    detail::product<T>(backend.pool(), x, detail::transposed(weight), out,
                       {.scale = static_cast<T>(options.scale),
                        .bias = bias.data(),
                        .accumulate = options.accumulate});
  }

  static void backward_input(Backend const& backend, View<Backend, Element const, 2> grad_out,
                             View<Backend, Element const, 2> weight,
                             View<Backend, Element, 2> grad_x, LinearOptions options) {
    detail::product<T>(backend.pool(), grad_out, weight, grad_x,
                       {.scale = static_cast<T>(options.scale), .accumulate = options.accumulate});
  }

  static void backward_parameters(Backend const& backend, View<Backend, Element const, 2> grad_out,
                                  View<Backend, Element const, 2> x,
                                  View<Backend, Master, 2> grad_weight,
                                  View<Backend, Master, 1> grad_bias, double scale_of_terms) {
    T const scale = static_cast<T>(scale_of_terms);
    if (!grad_weight.empty())
      detail::product<T>(backend.pool(), detail::transposed(grad_out), x, grad_weight,
                         {.scale = scale, .accumulate = true});
    if (!grad_bias.empty()) add_bias_gradient(backend, grad_out, scale, grad_bias);
  }

 private:
  static void add_bias_gradient(Backend const& backend, View<Backend, Element const, 2> grad_out,
                                T scale, View<Backend, Master, 1> grad_bias) {
    Index const outputs = grad_out.size(1);
    backend.for_each_range(
        outputs, grad_out.size(0),
        [&](IndexRange columns) {
          detail::add_column_sums<T>(grad_out.size(0), columns, scale, grad_bias.data(),
                                     [&](Index n, Index begin, auto at) {
                                       return at.load(grad_out.data() + n * outputs + begin);
                                     });
        },
        64);
  }
};

ACCRETE_END_NAMESPACE
