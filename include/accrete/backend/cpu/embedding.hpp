/// Embedding lookup.
#pragma once

#include <algorithm>

#include <accrete/backend/cpu/backend.hpp>
#include <accrete/backend/cpu/pack.hpp>
#include <accrete/ops/embedding.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct EmbeddingKernel<BasicCpuBackend<T>> {
  using Backend = BasicCpuBackend<T>;

  static void forward(Backend const& backend, View<Backend, TokenId const, 1> ids,
                      View<Backend, Element const, 2> table, View<Backend, Element, 2> out) {
    Index const width = table.size(1);
    Index const repeat = out.size(1) / width;
    backend.for_each_range(ids.size(0), 2 * out.size(1), [&](IndexRange tokens) {
      for (Index n = tokens.begin; n < tokens.end; ++n) {
        T const* const from = table.data() + ids(n) * width;
        T* const to = out.data() + n * out.size(1);
        if (repeat == 1) {
          std::copy_n(from, width, to);
        } else {
          for (Index i = 0; i < width; ++i) std::fill_n(to + i * repeat, repeat, from[i]);
        }
      }
    });
  }

  /// Threads share the columns, so that each adds the tokens in order.
  static void backward(Backend const& backend, View<Backend, TokenId const, 1> ids,
                       View<Backend, Element const, 2> grad_out,
                       View<Backend, Master, 2> grad_table) {
    constexpr Index cache_line = 64 / static_cast<Index>(sizeof(T));
    Index const width = grad_table.size(1);
    Index const repeat = grad_out.size(1) / width;
    Index const work = (2 + repeat) * ids.size(0);
    backend.for_each_range(
        width, work,
        [&](IndexRange columns) {
          for (Index n = 0; n < ids.size(0); ++n) {
            T const* const from = grad_out.data() + n * grad_out.size(1);
            T* const to = grad_table.data() + ids(n) * width;
            if (repeat == 1) {
              detail::for_each_pack<T>(columns.size(), [=, begin = columns.begin](auto at) {
                at.store(to + begin, at.load(to + begin) + at.load(from + begin));
              });
              continue;
            }
            for (Index i = columns.begin; i < columns.end; ++i) {
              T sum{0};
              for (Index k = 0; k < repeat; ++k) sum += from[i * repeat + k];
              to[i] += sum;
            }
          }
        },
        cache_line);
  }
};

ACCRETE_END_NAMESPACE
