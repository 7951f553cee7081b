/// Causal attention, head by head.
#pragma once

#include <algorithm>

#include <accrete/backend/cpu/attention_backward.hpp>
#include <accrete/backend/cpu/attention_forward.hpp>
#include <accrete/backend/cpu/backend.hpp>
#include <accrete/ops/causal_attention.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct CausalAttentionKernel<BasicCpuBackend<T>> {
  using Backend = BasicCpuBackend<T>;

  static void forward(Backend const& backend, View<Backend, Element const, 5> qkv,
                      View<Backend, Element, 4> out, View<Backend, Statistic, 3> log_sum_exp) {
    for_each_head(backend, qkv, qkv.size(1), [&](Index b, Index h) {
      detail::AttentionForward<T> const attention(rows_of(qkv, b, 1, h), rows_of(qkv, b, 2, h));
      attention.attend(0, rows_of(qkv, b, 0, h), rows_of(out, b, h), &log_sum_exp(b, h, 0));
    });
  }

  static void backward(Backend const& backend, View<Backend, Element const, 4> grad_out,
                       View<Backend, Element const, 5> qkv, View<Backend, Element const, 4> out,
                       View<Backend, Statistic const, 3> log_sum_exp,
                       View<Backend, Element, 5> grad_qkv) {
    for_each_head(backend, qkv, 3 * qkv.size(1), [&](Index b, Index h) {
      detail::AttentionBackward<T> const attention(
          rows_of(grad_out, b, h),
          {rows_of(qkv, b, 0, h), rows_of(qkv, b, 1, h), rows_of(qkv, b, 2, h)}, rows_of(out, b, h),
          &log_sum_exp(b, h, 0));
      attention.run(
          {rows_of(grad_qkv, b, 0, h), rows_of(grad_qkv, b, 1, h), rows_of(grad_qkv, b, 2, h)});
    });
  }

  static void decode(Backend const& backend, View<Backend, Element const, 5> qkv,
                     View<Backend, Element, 4> keys, View<Backend, Element, 4> values,
                     View<Backend, Index const, 1> positions, View<Backend, Element, 4> out) {
    Index const run = qkv.size(1), width = qkv.size(4);
    if (qkv.count() == 0) return;
    Index const furthest = *std::max_element(positions.span().begin(), positions.span().end());
    for_each_head(backend, qkv, furthest + run, [&](Index b, Index h) {
      Index const position = positions(b);
      for (Index t = 0; t < run; ++t) {
        std::copy_n(&qkv(b, t, 1, h, 0), width, &keys(b, h, position + t, 0));
        std::copy_n(&qkv(b, t, 2, h, 0), width, &values(b, h, position + t, 0));
      }
      detail::AttentionForward<T> const attention(
          {&keys(b, h, 0, 0), position + run, width, width},
          {&values(b, h, 0, 0), position + run, width, width});
      attention.attend(position, rows_of(qkv, b, 0, h), rows_of(out, b, h), nullptr);
    });
  }

 private:
  /// Calls f(b, h) for all heads of all sequences, which share the threads.
  template <class F>
  static void for_each_head(Backend const& backend, View<Backend, Element const, 5> qkv, Index keys,
                            F&& f) {
    Index const heads = qkv.size(3);
    // A pass over all pairs of queries and keys costs an eighth of reading as many numbers.
    Index const work = (qkv.size(1) / 8 + 2) * keys * qkv.size(4);
    backend.for_each_range(qkv.size(0) * heads, work, [&](IndexRange range) {
      for (Index i = range.begin; i < range.end; ++i) f(i / heads, i % heads);
    });
  }

  /// Queries (part 0), keys (1) or values (2) of one head: (T,D).
  template <class U>
  static detail::MatrixView<U> rows_of(TensorView<U, 5> qkv, Index b, Index part, Index h) {
    return {&qkv(b, 0, part, h, 0), qkv.size(1), qkv.size(4), 3 * qkv.size(3) * qkv.size(4)};
  }
  template <class U>
  static detail::MatrixView<U> rows_of(TensorView<U, 4> tokens, Index b, Index h) {
    return {&tokens(b, 0, h, 0), tokens.size(1), tokens.size(3), tokens.size(2) * tokens.size(3)};
  }
};

ACCRETE_END_NAMESPACE
