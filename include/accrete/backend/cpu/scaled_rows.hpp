/// Scaled rows in packs.
#pragma once

#include <accrete/backend/cpu/backend.hpp>
#include <accrete/backend/cpu/pack.hpp>
#include <accrete/ops/scaled_rows.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct ScaledRowsKernel<BasicCpuBackend<T>> {
  using Backend = BasicCpuBackend<T>;

  static void forward(Backend const& backend, View<Backend, Element const, 2> x,
                      View<Backend, Statistic const, 1> token_scale, View<Backend, Element, 2> out,
                      LinearOptions options) {
    Index const width = x.size(1);
    backend.for_each_range(x.size(0), 3 * width, [&](IndexRange rows) {
      for (Index n = rows.begin; n < rows.end; ++n) {
        detail::Pack<T> const factor(factor_of(token_scale, n, options.scale));
        T const* const from = x.data() + n * width;
        T* const to = out.data() + n * width;
        if (options.accumulate)
          detail::for_each_pack<T>(width, [=](auto at) {
            at.store(to, detail::multiply_add(factor, at.load(from), at.load(to)));
          });
        else
          detail::for_each_pack<T>(width, [=](auto at) { at.store(to, factor * at.load(from)); });
      }
    });
  }

  static void backward(Backend const& backend, View<Backend, Element const, 2> grad_out,
                       View<Backend, Statistic const, 1> token_scale, View<Backend, Element, 2> x,
                       View<Backend, Statistic, 1> grad_token_scale, double scale) {
    Index const width = x.size(1);
    backend.for_each_range(x.size(0), 5 * width, [&](IndexRange rows) {
      for (Index n = rows.begin; n < rows.end; ++n) {
        T const* const from = grad_out.data() + n * width;
        T* const row = x.data() + n * width;
        if (!grad_token_scale.empty())
          grad_token_scale(n) += static_cast<T>(scale) *
                                 detail::sum_over_packs<T>(
                                     width, [=](auto at) { return at.load(from) * at.load(row); });
        detail::Pack<T> const factor(factor_of(token_scale, n, scale));
        detail::for_each_pack<T>(width, [=](auto at) { at.store(row, factor * at.load(from)); });
      }
    });
  }

 private:
  static T factor_of(View<Backend, Statistic const, 1> token_scale, Index n, double scale) {
    return static_cast<T>(scale) * (token_scale.empty() ? T{1} : token_scale(n));
  }
};

ACCRETE_END_NAMESPACE
