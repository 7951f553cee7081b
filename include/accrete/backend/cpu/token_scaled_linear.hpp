/// Linear maps with a scale per row: products of scaled rows.
#pragma once

#include <accrete/backend/cpu/backend.hpp>
#include <accrete/backend/cpu/column_sums.hpp>
#include <accrete/backend/cpu/product.hpp>
#include <accrete/backend/cpu/scratch.hpp>
#include <accrete/ops/token_scaled_linear.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct TokenScaledLinearKernel<BasicCpuBackend<T>> {
  using Backend = BasicCpuBackend<T>;

  static void forward(Backend const& backend, View<Backend, Element const, 2> x,
                      View<Backend, Statistic const, 1> token_scale,
                      View<Backend, Element const, 2> weight, View<Backend, Element const, 1> bias,
                      View<Backend, Element, 2> out, LinearOptions options) {
    T const scale = static_cast<T>(options.scale);
    detail::product<T>(backend.pool(), scaled(backend, x, token_scale), detail::transposed(weight),
                       out, {.scale = scale, .accumulate = options.accumulate});
    if (bias.empty()) return;
    Index const outputs = out.size(1);
    backend.for_each_range(out.size(0), 2 * outputs, [&](IndexRange rows) {
      for (Index n = rows.begin; n < rows.end; ++n) {
        T* const row = out.data() + n * outputs;
        detail::Pack<T> const factor(scale * token_scale(n));
        detail::for_each_pack<T>(outputs, [=, from = bias.data()](auto at) {
          at.store(row, detail::multiply_add(factor, at.load(from), at.load(row)));
        });
      }
    });
  }

  static void backward(Backend const& backend, View<Backend, Element const, 2> grad_out,
                       View<Backend, Element const, 2> x,
                       View<Backend, Statistic const, 1> token_scale,
                       View<Backend, Element const, 2> weight, View<Backend, Element const, 1> bias,
                       View<Backend, Element, 2> grad_x,
                       View<Backend, Statistic, 1> grad_token_scale,
                       View<Backend, Master, 2> grad_weight, View<Backend, Master, 1> grad_bias,
                       double scale_of_all) {
    T const scale = static_cast<T>(scale_of_all);
    Index const outputs = weight.size(0);
    if (!grad_x.empty() || !grad_token_scale.empty()) {
      auto const unscaled = grad_x.empty() ? View<Backend, Element, 2>(
                                                 detail::scratch<T, Unscaled>(x.count()), x.sizes())
                                           : grad_x;
      detail::product<T>(backend.pool(), grad_out, weight, detail::MatrixView<T>(unscaled));
      backend.for_each_range(x.size(0), 3 * x.size(1) + 2 * outputs, [&](IndexRange rows) {
        for (Index n = rows.begin; n < rows.end; ++n) {
          if (!grad_token_scale.empty()) {
            T sum = dot(x.size(1), x.data() + n * x.size(1), unscaled.data() + n * x.size(1));
            if (!bias.empty()) sum += dot(outputs, grad_out.data() + n * outputs, bias.data());
            grad_token_scale(n) += scale * sum;
          }
          if (!grad_x.empty()) scale_row(scale * token_scale(n), grad_x, n, grad_x);
        }
      });
    }
    if (!grad_weight.empty())
      detail::product<T>(backend.pool(), detail::transposed(grad_out),
                         scaled(backend, x, token_scale), detail::MatrixView<T>(grad_weight),
                         {.scale = scale, .accumulate = true});
    if (!grad_bias.empty())
      backend.for_each_range(
          outputs, grad_out.size(0),
          [&](IndexRange columns) {
            detail::add_column_sums<T>(grad_out.size(0), columns, scale, grad_bias.data(),
                                       [&](Index n, Index begin, auto at) {
                                         return detail::Pack<T>(token_scale(n)) *
                                                at.load(grad_out.data() + n * outputs + begin);
                                       });
          },
          64);
  }

 private:
  struct Scaled;
  struct Unscaled;

  static T dot(Index count, T const* a, T const* b) {
    return detail::sum_over_packs<T>(count, [=](auto at) { return at.load(a) * at.load(b); });
  }
  static void scale_row(T factor, View<Backend, Element const, 2> from, Index n,
                        View<Backend, Element, 2> to) {
    Index const width = from.size(1);
    detail::for_each_pack<T>(width,
                             [=, a = from.data() + n * width, b = to.data() + n * width](auto at) {
                               at.store(b, detail::Pack<T>(factor) * at.load(a));
                             });
  }
  /// token_scale[n] * x[n,:]
  static detail::MatrixView<T const> scaled(Backend const& backend,
                                            View<Backend, Element const, 2> x,
                                            View<Backend, Statistic const, 1> token_scale) {
    View<Backend, Element, 2> const rows(detail::scratch<T, Scaled>(x.count()), x.sizes());
    backend.for_each_range(x.size(0), 2 * x.size(1), [&](IndexRange range) {
      for (Index n = range.begin; n < range.end; ++n) scale_row(token_scale(n), x, n, rows);
    });
    return detail::MatrixView<T>(rows);
  }
};

ACCRETE_END_NAMESPACE
