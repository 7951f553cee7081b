/// Softmax cross-entropy in packs: each row is read while it is in the cache.
#pragma once

#include <algorithm>
#include <cmath>

#include <accrete/backend/cpu/backend.hpp>
#include <accrete/backend/cpu/vector_math.hpp>
#include <accrete/ops/cross_entropy.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct CrossEntropyKernel<BasicCpuBackend<T>> {
  using Backend = BasicCpuBackend<T>;

  static void forward(Backend const& backend, View<Backend, Element const, 2> logits,
                      View<Backend, TokenId const, 1> targets, View<Backend, Statistic, 1> losses) {
    Index const vocabulary = logits.size(1);
    backend.for_each_range(logits.size(0), 2 * vocabulary, [&](IndexRange rows) {
      for (Index n = rows.begin; n < rows.end; ++n) {
        T const* const row = logits.data() + n * vocabulary;
        if (targets(n) == ignored_target) {
          losses(n) = T{0};
          continue;
        }
        T const greatest = detail::greatest_of(vocabulary, row);
        T const sum = detail::sum_over_packs<T>(vocabulary, [=](auto at) {
          return detail::exponential(at.load(row) - detail::Pack<T>(greatest));
        });
        losses(n) = std::log(sum) + (greatest - row[targets(n)]);
      }
    });
  }

  static void forward_backward(Backend const& backend, View<Backend, Element, 2> logits,
                               View<Backend, TokenId const, 1> targets,
                               View<Backend, Statistic, 1> losses, double scale) {
    Index const vocabulary = logits.size(1);
    backend.for_each_range(logits.size(0), 4 * vocabulary, [&](IndexRange rows) {
      for (Index n = rows.begin; n < rows.end; ++n) {
        T* const row = logits.data() + n * vocabulary;
        if (targets(n) == ignored_target) {
          losses(n) = T{0};
          std::fill_n(row, vocabulary, T{0});
          continue;
        }
        T const greatest = detail::greatest_of(vocabulary, row);
        T const below_greatest = greatest - row[targets(n)];
        T const sum = detail::sum_over_packs<T>(vocabulary, [=](auto at) {
          auto const power = detail::exponential(at.load(row) - detail::Pack<T>(greatest));
          at.store(row, power);
          return power;
        });
        losses(n) = std::log(sum) + below_greatest;
        detail::Pack<T> const factor(static_cast<T>(scale) / sum);
        detail::for_each_pack<T>(vocabulary,
                                 [=](auto at) { at.store(row, factor * at.load(row)); });
        row[targets(n)] -= static_cast<T>(scale);
      }
    });
  }
};

ACCRETE_END_NAMESPACE
