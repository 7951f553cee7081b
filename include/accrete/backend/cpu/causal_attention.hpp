/// Causal attention in packs, one (sequence, head) per task.
#pragma once

#include <algorithm>
#include <cmath>

#include <accrete/backend/cpu/backend.hpp>
#include <accrete/backend/cpu/scratch.hpp>
#include <accrete/backend/cpu/vector_math.hpp>
#include <accrete/ops/causal_attention.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct CausalAttentionKernel<BasicCpuBackend<T>> {
  using Backend = BasicCpuBackend<T>;
  using Pack = detail::Pack<T>;

  static void forward(Backend const& backend, View<Backend, Element const, 5> qkv,
                      View<Backend, Element, 4> out, View<Backend, Statistic, 3> log_sum_exp) {
    Index const time = qkv.size(1), heads = qkv.size(3), width = qkv.size(4);
    Index const token = 3 * heads * width;
    backend.for_each_range(qkv.size(0) * heads, time * time * width, [&](IndexRange range) {
      T* const scores = detail::scratch<T, CausalAttentionKernel>(time);
      for (Index at = range.begin; at < range.end; ++at) {
        Index const b = at / heads, h = at % heads;
        T const* const q = &qkv(b, 0, 0, h, 0);
        for (Index t = 0; t < time; ++t)
          log_sum_exp(b, h, t) = attend(t + 1, width, q + t * token, token, q + heads * width,
                                        q + 2 * heads * width, scores, &out(b, t, h, 0));
      }
    });
  }

  static void backward(Backend const& backend, View<Backend, Element const, 4> grad_out,
                       View<Backend, Element const, 5> qkv, View<Backend, Element const, 4> out,
                       View<Backend, Statistic const, 3> log_sum_exp,
                       View<Backend, Element, 5> grad_qkv) {
    Index const time = qkv.size(1), heads = qkv.size(3), width = qkv.size(4);
    T const scale = 1 / std::sqrt(static_cast<T>(width));
    backend.for_each_range(qkv.size(0) * heads, 3 * time * time * width, [&](IndexRange range) {
      for (Index at = range.begin; at < range.end; ++at) {
        Index const b = at / heads, h = at % heads;
        for (Index t = 0; t < time; ++t)
          for (Index part = 0; part < 3; ++part)
            std::fill_n(&grad_qkv(b, t, part, h, 0), width, T{0});
        for (Index t = 0; t < time; ++t) {
          T const grad_dot_out = dot(width, &grad_out(b, t, h, 0), &out(b, t, h, 0));
          for (Index s = 0; s <= t; ++s) {
            T const score = scale * dot(width, &qkv(b, t, 0, h, 0), &qkv(b, s, 1, h, 0));
            T const probability = std::exp(score - log_sum_exp(b, h, t));
            T const grad_probability = dot(width, &grad_out(b, t, h, 0), &qkv(b, s, 2, h, 0));
            T const grad_score = scale * probability * (grad_probability - grad_dot_out);
            add(width, grad_score, &qkv(b, s, 1, h, 0), &grad_qkv(b, t, 0, h, 0));
            add(width, grad_score, &qkv(b, t, 0, h, 0), &grad_qkv(b, s, 1, h, 0));
            add(width, probability, &grad_out(b, t, h, 0), &grad_qkv(b, s, 2, h, 0));
          }
        }
      }
    });
  }

  static void decode(Backend const& backend, View<Backend, Element const, 5> qkv,
                     View<Backend, Element, 4> keys, View<Backend, Element, 4> values,
                     View<Backend, Index const, 1> positions, View<Backend, Element, 4> out) {
    Index const heads = qkv.size(3), width = qkv.size(4);
    backend.for_each_range(
        qkv.size(0) * heads, 2 * qkv.size(1) * keys.size(2) * width, [&](IndexRange range) {
          T* const scores = detail::scratch<T, CausalAttentionKernel>(keys.size(2));
          for (Index at = range.begin; at < range.end; ++at) {
            Index const b = at / heads, h = at % heads;
            for (Index t = 0; t < qkv.size(1); ++t) {
              Index const position = positions(b) + t;
              std::copy_n(&qkv(b, t, 1, h, 0), width, &keys(b, h, position, 0));
              std::copy_n(&qkv(b, t, 2, h, 0), width, &values(b, h, position, 0));
              attend(position + 1, width, &qkv(b, t, 0, h, 0), width, &keys(b, h, 0, 0),
                     &values(b, h, 0, 0), scores, &out(b, t, h, 0));
            }
          }
        });
  }

 private:
  static T dot(Index width, T const* a, T const* b) {
    return detail::sum_over_packs<T>(width, [=](auto at) { return at.load(a) * at.load(b); });
  }
  static void add(Index width, T factor, T const* from, T* to) {
    detail::for_each_pack<T>(width, [=](auto at) {
      at.store(to, multiply_add(Pack(factor), at.load(from), at.load(to)));
    });
  }

  /// One query over `length` keys; returns log sum exp of its scores.
  static T attend(Index length, Index width, T const* query, Index stride, T const* keys,
                  T const* values, T* scores, T* out) {
    T const scale = 1 / std::sqrt(static_cast<T>(width));
    for (Index s = 0; s < length; ++s) scores[s] = scale * dot(width, query, keys + s * stride);
    T const greatest = detail::greatest_of(length, scores);
    T const sum = detail::sum_over_packs<T>(length, [=](auto at) {
      auto const power = detail::exponential(at.load(scores) - Pack(greatest));
      at.store(scores, power);
      return power;
    });
    std::fill_n(out, width, T{0});
    for (Index s = 0; s < length; ++s) add(width, scores[s] / sum, values + s * stride, out);
    return greatest + std::log(sum);
  }
};

ACCRETE_END_NAMESPACE
