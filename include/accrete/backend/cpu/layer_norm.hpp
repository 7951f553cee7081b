/// Layer normalisation in packs.
#pragma once

#include <cmath>

#include <accrete/backend/cpu/backend.hpp>
#include <accrete/backend/cpu/column_sums.hpp>
#include <accrete/backend/cpu/pack.hpp>
#include <accrete/ops/layer_norm.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct LayerNormKernel<BasicCpuBackend<T>> {
  using Backend = BasicCpuBackend<T>;
  using Pack = detail::Pack<T>;

  static void forward(Backend const& backend, View<Backend, Element const, 2> x,
                      View<Backend, Element const, 1> weight, View<Backend, Element const, 1> bias,
                      View<Backend, Element, 2> out, View<Backend, Statistic, 1> mean,
                      View<Backend, Statistic, 1> rstd, double epsilon) {
    Index const channels = x.size(1);
    T const* const w = weight.data();
    T const* const offset = bias.data();
    backend.for_each_range(x.size(0), 4 * channels, [&](IndexRange rows) {
      for (Index n = rows.begin; n < rows.end; ++n) {
        T const* const row = x.data() + n * channels;
        T* const to = out.data() + n * channels;
        T const sum = detail::sum_over_packs<T>(channels, [=](auto at) { return at.load(row); });
        T const center = sum / static_cast<T>(channels);
        T const squares = detail::sum_over_packs<T>(channels, [=](auto at) {
          auto const deviation = at.load(row) - Pack(center);
          return deviation * deviation;
        });
        T const factor =
            1 / std::sqrt(squares / static_cast<T>(channels) + static_cast<T>(epsilon));
        detail::for_each_pack<T>(channels, [=](auto at) {
          auto const normed = (at.load(row) - Pack(center)) * Pack(factor);
          at.store(to, multiply_add(normed, at.load(w), at.load(offset)));
        });
        mean(n) = center;
        rstd(n) = factor;
      }
    });
  }

  static void backward(Backend const& backend, View<Backend, Element const, 2> grad_out,
                       View<Backend, Element const, 2> x, View<Backend, Element const, 1> weight,
                       View<Backend, Statistic const, 1> mean,
                       View<Backend, Statistic const, 1> rstd, View<Backend, Element, 2> grad_x,
                       View<Backend, Master, 1> grad_weight, View<Backend, Master, 1> grad_bias) {
    add_parameter_gradients(backend, grad_out, x, mean, rstd, grad_weight, grad_bias);
    Index const channels = x.size(1);
    T const* const w = weight.data();
    backend.for_each_range(x.size(0), 6 * channels, [&](IndexRange rows) {
      for (Index n = rows.begin; n < rows.end; ++n) {
        T const* const from = grad_out.data() + n * channels;
        T const* const row = x.data() + n * channels;
        T* const to = grad_x.data() + n * channels;
        Pack const center(mean(n));
        Pack const factor(rstd(n));
        T const sum_of_g = detail::sum_over_packs<T>(
            channels, [=](auto at) { return at.load(from) * at.load(w); });
        T const sum_of_g_normed = detail::sum_over_packs<T>(channels, [=](auto at) {
          return at.load(from) * at.load(w) * ((at.load(row) - center) * factor);
        });
        Pack const mean_of_g(sum_of_g / static_cast<T>(channels));
        Pack const mean_of_g_normed(sum_of_g_normed / static_cast<T>(channels));
        detail::for_each_pack<T>(channels, [=](auto at) {
          auto const normed = (at.load(row) - center) * factor;
          auto const g = at.load(from) * at.load(w);
          at.store(to, factor * (g - mean_of_g - normed * mean_of_g_normed));
        });
      }
    });
  }

 private:
  static void add_parameter_gradients(Backend const& backend,
                                      View<Backend, Element const, 2> grad_out,
                                      View<Backend, Element const, 2> x,
                                      View<Backend, Statistic const, 1> mean,
                                      View<Backend, Statistic const, 1> rstd,
                                      View<Backend, Master, 1> grad_weight,
                                      View<Backend, Master, 1> grad_bias) {
    Index const channels = x.size(1);
    backend.for_each_range(
        channels, 3 * x.size(0),
        [&](IndexRange columns) {
          if (!grad_weight.empty())
            detail::add_column_sums<T>(
                x.size(0), columns, T{1}, grad_weight.data(), [&](Index n, Index begin, auto at) {
                  auto const normed =
                      (at.load(x.data() + n * channels + begin) - Pack(mean(n))) * Pack(rstd(n));
                  return at.load(grad_out.data() + n * channels + begin) * normed;
                });
          if (!grad_bias.empty())
            detail::add_column_sums<T>(x.size(0), columns, T{1}, grad_bias.data(),
                                       [&](Index n, Index begin, auto at) {
                                         return at.load(grad_out.data() + n * channels + begin);
                                       });
        },
        64);
  }
};

ACCRETE_END_NAMESPACE
