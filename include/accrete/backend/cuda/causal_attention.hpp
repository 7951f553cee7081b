/// Causal attention on the device, without a (T,T) in memory.
#pragma once

#include <accrete/backend/cuda/attention_backward.hpp>
#include <accrete/backend/cuda/attention_decode.hpp>
#include <accrete/backend/cuda/attention_forward.hpp>
#include <accrete/backend/cuda/backend.hpp>
#include <accrete/ops/causal_attention.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class E>
struct CausalAttentionKernel<BasicCudaBackend<E>> {
  using Backend = BasicCudaBackend<E>;
  using Real = cuda::Compute<E>;

  static void forward(Backend const& backend, View<Backend, Element const, 5> qkv,
                      View<Backend, Element, 4> out, View<Backend, Statistic, 3> log_sum_exp) {
    attend(backend, "causal_attention_forward", qkv, part(qkv, 1), part(qkv, 2), out,
           log_sum_exp.data(), nullptr);
  }

  static void backward(Backend const& backend, View<Backend, Element const, 4> grad_out,
                       View<Backend, Element const, 5> qkv, View<Backend, Element const, 4> out,
                       View<Backend, Statistic const, 3> log_sum_exp,
                       View<Backend, Element, 5> grad_qkv) {
    Index const b = qkv.size(0), t = qkv.size(1), h = qkv.size(3), d = qkv.size(4);
    auto& context = backend.context();
    auto const scratch = context.scratch(b * h * t * static_cast<Index>(sizeof(Real)));
    Real* const grad_dot_out = scratch.template as<Real>();
    cuda::launch(context, "causal_attention_backward: grad . out", cuda::blocks_for(b * t * h, 256),
                 cuda::GradDotOut<E>{grad_out.data(), out.data(), grad_dot_out, b, t, h, d});
    cuda::AttentionGradientInputs<E> const in{part(qkv, 0),
                                              part(qkv, 1),
                                              part(qkv, 2),
                                              rows_of(grad_out),
                                              log_sum_exp.data(),
                                              grad_dot_out,
                                              b,
                                              t,
                                              h,
                                              d,
                                              scale_of(d)};
    cuda::with_attention_width("causal_attention_backward", d, [&](auto width) {
      using Tile = cuda::AttentionTile<width>;
      Index const blocks = b * h * ((t + Tile::rows - 1) / Tile::rows);
      cuda::launch(context, "causal_attention_backward: queries", blocks,
                   cuda::AttentionGradQueries<E, width>{in, part(grad_qkv, 0)});
      cuda::launch(context, "causal_attention_backward: keys", blocks,
                   cuda::AttentionGradKeys<E, width>{in, part(grad_qkv, 1), part(grad_qkv, 2)});
    });
  }

  static void decode(Backend const& backend, View<Backend, Element const, 5> qkv,
                     View<Backend, Element, 4> keys, View<Backend, Element, 4> values,
                     View<Backend, Index const, 1> positions, View<Backend, Element, 4> out) {
    Index const b = qkv.size(0), n = qkv.size(1), h = qkv.size(3), d = qkv.size(4);
    Index const capacity = keys.size(2);
    if (n == 1 && backend.decode_kernels())
      return decode_by_chunks(backend, qkv, keys, values, positions, out);
    cuda::launch(backend.context(), "causal_attention_decode: append",
                 cuda::blocks_for(b * n * h * d, 256),
                 cuda::AppendToCache<E>{qkv.data(), keys.data(), values.data(), positions.data(), b,
                                        n, h, d, capacity});
    auto const cached = [&](View<Backend, Element, 4> cache) {
      return cuda::HeadRows<E const>{cache.data(), h * capacity * d, d, capacity * d};
    };
    attend(backend, "causal_attention_decode", qkv, cached(keys), cached(values), out, nullptr,
           positions.data());
  }

 private:
  static void decode_by_chunks(Backend const& backend, View<Backend, Element const, 5> qkv,
                               View<Backend, Element, 4> keys, View<Backend, Element, 4> values,
                               View<Backend, Index const, 1> positions,
                               View<Backend, Element, 4> out) {
    Index const b = qkv.size(0), h = qkv.size(3), d = qkv.size(4), capacity = keys.size(2);
    auto& context = backend.context();
    cuda::with_attention_width("causal_attention_decode", d, [&](auto width) {
      constexpr Index rows = cuda::AttentionChunk<width>::rows;
      Index const chunks = (capacity + rows - 1) / rows, all = b * h * chunks;
      auto const scratch = context.scratch(all * (d + 2) * static_cast<Index>(sizeof(Real)));
      Real* const memory = scratch.template as<Real>();
      cuda::AttentionParts<Real> const parts{memory, memory + all * d, memory + all * (d + 1),
                                             chunks};
      cuda::launch(
          context, "causal_attention_decode: chunks", all,
          cuda::AttendToChunk<E, width>{qkv.data(), keys.data(), values.data(), positions.data(),
                                        parts, h, d, capacity, scale_of(d)});
      cuda::launch(context, "causal_attention_decode: join", cuda::blocks_for(b * h * d, 256),
                   cuda::JoinChunks<E>{parts, positions.data(), out.data(), b, h, d, rows});
    });
  }

  /// Queries (0), keys (1) or values (2) of (B,T,3,H,D).
  template <class T>
  [[nodiscard]] static cuda::HeadRows<T> part(TensorView<T, 5, DeviceSpace> qkv, Index which) {
    Index const row = qkv.size(3) * qkv.size(4);
    return {qkv.data() + which * row, qkv.size(1) * 3 * row, 3 * row, qkv.size(4)};
  }
  /// (B,T,H,D)
  template <class T>
  [[nodiscard]] static cuda::HeadRows<T> rows_of(TensorView<T, 4, DeviceSpace> out) {
    Index const row = out.size(2) * out.size(3);
    return {out.data(), out.size(1) * row, row, out.size(3)};
  }
  [[nodiscard]] static Real scale_of(Index width) {
    return 1 / std::sqrt(static_cast<Real>(width));
  }

  static void attend(Backend const& backend, char const* name, View<Backend, Element const, 5> qkv,
                     cuda::HeadRows<E const> keys, cuda::HeadRows<E const> values,
                     View<Backend, Element, 4> out, Real* log_sum_exp, Index const* positions) {
    cuda::with_attention_width(name, qkv.size(4), [&](auto width) {
      cuda::AttentionForward<E, width> const body{
          part(qkv, 0), keys,        values,      rows_of(out), log_sum_exp,          positions,
          qkv.size(0),  qkv.size(1), qkv.size(3), qkv.size(4),  scale_of(qkv.size(4))};
      cuda::launch(backend.context(), name, body.blocks(), body);
    });
  }
};

ACCRETE_END_NAMESPACE
