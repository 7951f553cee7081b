/// Mixtures in packs.
#pragma once

#include <cmath>

#include <accrete/backend/cpu/backend.hpp>
#include <accrete/backend/cpu/vector_math.hpp>
#include <accrete/ops/mixture.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct MixtureKernel<BasicCpuBackend<T>> {
  using Backend = BasicCpuBackend<T>;
  using Pack = detail::Pack<T>;

  static void forward(Backend const& backend, View<Backend, Element const, 2> logits,
                      View<Backend, Statistic, 1> normalizers, View<Backend, Element, 2> mixture,
                      MixtureOptions options) {
    Index const vocabulary = logits.size(1);
    backend.for_each_range(logits.size(0), 8 * vocabulary, [&](IndexRange rows) {
      for (Index n = rows.begin; n < rows.end; ++n) {
        T const* const row = logits.data() + n * vocabulary;
        T* const to = mixture.data() + n * vocabulary;
        T const greatest = detail::greatest_of(vocabulary, row);
        T const sum = detail::sum_over_packs<T>(vocabulary, [=](auto at) {
          return detail::exponential(at.load(row) - Pack(greatest));
        });
        normalizers(n) = greatest + std::log(sum);
        Pack const below(normalizers(n) - static_cast<T>(options.log_weight));
        if (options.accumulate)
          detail::for_each_pack<T>(vocabulary, [=](auto at) {
            at.store(to, log_of_sum(at.load(row) - below, at.load(to)));
          });
        else
          detail::for_each_pack<T>(vocabulary,
                                   [=](auto at) { at.store(to, at.load(row) - below); });
      }
    });
  }

  static void backward(Backend const& backend, View<Backend, Element const, 2> grad_mixture,
                       View<Backend, Element const, 2> mixture,
                       View<Backend, Statistic const, 1> normalizers,
                       View<Backend, Element, 2> logits, double log_weight) {
    Index const vocabulary = logits.size(1);
    backend.for_each_range(logits.size(0), 12 * vocabulary, [&](IndexRange rows) {
      for (Index n = rows.begin; n < rows.end; ++n) {
        T const* const gradient = grad_mixture.data() + n * vocabulary;
        T const* const whole = mixture.data() + n * vocabulary;
        T* const row = logits.data() + n * vocabulary;
        Pack const normalizer(normalizers(n));
        Pack const below(normalizers(n) - static_cast<T>(log_weight));
        auto const part = [=](auto at) {  // of the gradient, by this distribution's share
          return at.load(gradient) * detail::exponential((at.load(row) - below) - at.load(whole));
        };
        Pack const sum(detail::sum_over_packs<T>(vocabulary, part));
        detail::for_each_pack<T>(vocabulary, [=](auto at) {
          Pack const probability = detail::exponential(at.load(row) - normalizer);
          at.store(row, part(at) - sum * probability);
        });
      }
    });
  }

 private:
  /// log(exp(a) + exp(b))
  static Pack log_of_sum(Pack a, Pack b) {
    return detail::greater_of(a, b) +
           detail::log_of_one_plus(detail::exponential(-detail::absolute(a - b)));
  }
};

ACCRETE_END_NAMESPACE
