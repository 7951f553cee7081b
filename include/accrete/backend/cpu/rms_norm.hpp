/// Root-mean-square normalisation in packs.
#pragma once

#include <cmath>

#include <accrete/backend/cpu/backend.hpp>
#include <accrete/backend/cpu/column_sums.hpp>
#include <accrete/backend/cpu/pack.hpp>
#include <accrete/ops/rms_norm.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct RmsNormKernel<BasicCpuBackend<T>> {
  using Backend = BasicCpuBackend<T>;
  using Pack = detail::Pack<T>;

  static void forward(Backend const& backend, View<Backend, Element const, 2> x,
                      View<Backend, Element const, 1> weight, View<Backend, Element, 2> out,
                      View<Backend, Statistic, 1> rstd, double epsilon) {
    Index const channels = x.size(1);
    T const* const w = weight.data();
    backend.for_each_range(x.size(0), 3 * channels, [&](IndexRange rows) {
      for (Index n = rows.begin; n < rows.end; ++n) {
        T const* const row = x.data() + n * channels;
        T* const to = out.data() + n * channels;
        T const squares = detail::sum_over_packs<T>(
            channels, [=](auto at) { return at.load(row) * at.load(row); });
        T const factor =
            1 / std::sqrt(squares / static_cast<T>(channels) + static_cast<T>(epsilon));
        detail::for_each_pack<T>(
            channels, [=](auto at) { at.store(to, at.load(row) * Pack(factor) * at.load(w)); });
        rstd(n) = factor;
      }
    });
  }

  static void backward(Backend const& backend, View<Backend, Element const, 2> grad_out,
                       View<Backend, Element const, 2> x, View<Backend, Element const, 1> weight,
                       View<Backend, Statistic const, 1> rstd, View<Backend, Element, 2> grad_x,
                       View<Backend, Master, 1> grad_weight) {
    Index const channels = x.size(1);
    T const* const w = weight.data();
    if (!grad_weight.empty())
      backend.for_each_range(
          channels, 2 * x.size(0),
          [&](IndexRange columns) {
            detail::add_column_sums<T>(
                x.size(0), columns, T{1}, grad_weight.data(), [&](Index n, Index begin, auto at) {
                  return at.load(grad_out.data() + n * channels + begin) *
                         (at.load(x.data() + n * channels + begin) * Pack(rstd(n)));
                });
          },
          64);
    backend.for_each_range(x.size(0), 5 * channels, [&](IndexRange rows) {
      for (Index n = rows.begin; n < rows.end; ++n) {
        T const* const from = grad_out.data() + n * channels;
        T const* const row = x.data() + n * channels;
        T* const to = grad_x.data() + n * channels;
        Pack const factor(rstd(n));
        T const sum_of_g_normed = detail::sum_over_packs<T>(channels, [=](auto at) {
          return at.load(from) * at.load(w) * (at.load(row) * factor);
        });
        Pack const mean_of_g_normed(sum_of_g_normed / static_cast<T>(channels));
        detail::for_each_pack<T>(channels, [=](auto at) {
          auto const normed = at.load(row) * factor;
          at.store(to, factor * (at.load(from) * at.load(w) - normed * mean_of_g_normed));
        });
      }
    });
  }
};

ACCRETE_END_NAMESPACE
