/// Rotary positions: sines and cosines once per position, for queries, keys and all heads.
#pragma once

#include <algorithm>
#include <cmath>

#include <accrete/backend/cpu/backend.hpp>
#include <accrete/backend/cpu/pack.hpp>
#include <accrete/backend/cpu/scratch.hpp>
#include <accrete/ops/rotary.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct RotaryKernel<BasicCpuBackend<T>> {
  using Backend = BasicCpuBackend<T>;

  /// `direction` is 1 for forward and -1 for backward.
  static void rotate(Backend const& backend, View<Backend, Element, 5> qkv,
                     View<Backend, Index const, 1> positions, double base, int direction) {
    Index const time = qkv.size(1);
    Index const heads = qkv.size(3);
    Index const half = qkv.size(4) / 2;
    Index const token = 3 * heads * 2 * half;
    // Without positions every sequence stands at the same ones.
    Index const together = positions.empty() ? qkv.size(0) : 1;
    Index const groups = qkv.size(0) / std::max<Index>(together, 1);
    backend.for_each_range(groups * time, together * token, [&](IndexRange range) {
      double* const frequency = detail::scratch<double, Frequencies>(half);
      T* const cosine = detail::scratch<T, Angles>(2 * half);
      T* const sine = cosine + half;
      for (Index i = 0; i < half; ++i)
        frequency[i] = std::pow(base, -static_cast<double>(i) / static_cast<double>(half));
      for (Index at = range.begin; at < range.end; ++at) {
        Index const group = at / time;
        Index const t = at % time;
        auto const position = static_cast<double>((positions.empty() ? 0 : positions(group)) + t);
        for (Index i = 0; i < half; ++i) {
          double const angle = position * frequency[i];
          cosine[i] = static_cast<T>(std::cos(angle));
          sine[i] = static_cast<T>(direction * std::sin(angle));
        }
        for (Index b = group * together; b < (group + 1) * together; ++b) {
          T* const queries_and_keys = qkv.data() + (b * time + t) * token;
          for (Index head = 0; head < 2 * heads; ++head)
            rotate_head(half, cosine, sine, queries_and_keys + head * 2 * half);
        }
      }
    });
  }

 private:
  struct Frequencies;
  struct Angles;

  static void rotate_head(Index half, T const* cosine, T const* sine, T* head) {
    detail::for_each_pack<T>(half, [=](auto at) {
      auto const low = at.load(head);
      auto const high = at.load(head + half);
      auto const c = at.load(cosine);
      auto const s = at.load(sine);
      at.store(head, low * c - high * s);
      at.store(head + half, multiply_add(high, c, low * s));
    });
  }
};

ACCRETE_END_NAMESPACE
