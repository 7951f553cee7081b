/// Causal attention as plain loops: one row of scores at a time.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include <accrete/backend/reference/backend.hpp>
#include <accrete/ops/causal_attention.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct CausalAttentionKernel<ReferenceBackend<T>> {
  using Backend = ReferenceBackend<T>;

  static void forward(Backend const&, View<Backend, Element const, 5> qkv,
                      View<Backend, Element, 4> out, View<Backend, Statistic, 3> log_sum_exp) {
    for (Index b = 0; b < qkv.size(0); ++b)
      for (Index h = 0; h < qkv.size(3); ++h)
        for (Index t = 0; t < qkv.size(1); ++t)
          log_sum_exp(b, h, t) = attend(
              t + 1, qkv.size(4), &qkv(b, t, 0, h, 0), &out(b, t, h, 0),
              [&](Index s) { return &qkv(b, s, 1, h, 0); },
              [&](Index s) { return &qkv(b, s, 2, h, 0); });
  }

  static void backward(Backend const&, View<Backend, Element const, 4> grad_out,
                       View<Backend, Element const, 5> qkv, View<Backend, Element const, 4> out,
                       View<Backend, Statistic const, 3> log_sum_exp,
                       View<Backend, Element, 5> grad_qkv) {
    Index const width = qkv.size(4);
    T const scale = 1 / std::sqrt(static_cast<T>(width));
    std::fill_n(grad_qkv.data(), grad_qkv.count(), T{0});
    for (Index b = 0; b < qkv.size(0); ++b)
      for (Index h = 0; h < qkv.size(3); ++h)
        for (Index t = 0; t < qkv.size(1); ++t) {
          T const grad_dot_out = dot(width, &grad_out(b, t, h, 0), &out(b, t, h, 0));
          for (Index s = 0; s <= t; ++s) {
            T const score = scale * dot(width, &qkv(b, t, 0, h, 0), &qkv(b, s, 1, h, 0));
            T const probability = std::exp(score - log_sum_exp(b, h, t));
            T const grad_probability = dot(width, &grad_out(b, t, h, 0), &qkv(b, s, 2, h, 0));
            T const grad_score = scale * probability * (grad_probability - grad_dot_out);
            for (Index d = 0; d < width; ++d) {
              grad_qkv(b, t, 0, h, d) += grad_score * qkv(b, s, 1, h, d);
              grad_qkv(b, s, 1, h, d) += grad_score * qkv(b, t, 0, h, d);
              grad_qkv(b, s, 2, h, d) += probability * grad_out(b, t, h, d);
            }
          }
        }
  }

  static void decode(Backend const&, View<Backend, Element const, 5> qkv,
                     View<Backend, Element, 4> keys, View<Backend, Element, 4> values,
                     View<Backend, Index const, 1> positions, View<Backend, Element, 4> out) {
    Index const width = qkv.size(4);
    for (Index b = 0; b < qkv.size(0); ++b)
      for (Index h = 0; h < qkv.size(3); ++h)
        for (Index t = 0; t < qkv.size(1); ++t) {
          std::copy_n(&qkv(b, t, 1, h, 0), width, &keys(b, h, positions(b) + t, 0));
          std::copy_n(&qkv(b, t, 2, h, 0), width, &values(b, h, positions(b) + t, 0));
          attend(
              positions(b) + t + 1, width, &qkv(b, t, 0, h, 0), &out(b, t, h, 0),
              [&](Index s) { return &keys(b, h, s, 0); },
              [&](Index s) { return &values(b, h, s, 0); });
        }
  }

 private:
  static T dot(Index width, T const* a, T const* b) {
    T sum{0};
    for (Index d = 0; d < width; ++d) sum += a[d] * b[d];
    return sum;
  }

  /// One query over `length` keys; returns log sum exp of its scores.
  template <class KeyAt, class ValueAt>
  static T attend(Index length, Index width, T const* query, T* out, KeyAt key_at,
                  ValueAt value_at) {
    T const scale = 1 / std::sqrt(static_cast<T>(width));
    std::vector<T> scores(static_cast<std::size_t>(length));
    for (Index s = 0; s < length; ++s)
      scores[static_cast<std::size_t>(s)] = scale * dot(width, query, key_at(s));
    T const greatest = *std::max_element(scores.begin(), scores.end());
    T sum{0};
    for (T const score : scores) sum += std::exp(score - greatest);
    std::fill_n(out, width, T{0});
    for (Index s = 0; s < length; ++s) {
      T const probability = std::exp(scores[static_cast<std::size_t>(s)] - greatest) / sum;
      for (Index d = 0; d < width; ++d) out[d] += probability * value_at(s)[d];
    }
    return greatest + std::log(sum);
  }
};

ACCRETE_END_NAMESPACE
