/// Rotary positions as plain loops.
#pragma once

#include <cmath>

#include <accrete/backend/reference/backend.hpp>
#include <accrete/ops/rotary.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct RotaryKernel<ReferenceBackend<T>> {
  using Backend = ReferenceBackend<T>;

  /// `direction` is 1 for forward and -1 for backward.
  static void rotate(Backend const&, View<Backend, Element, 5> qkv,
                     View<Backend, Index const, 1> positions, double base, int direction) {
    Index const half = qkv.size(4) / 2;
    for (Index b = 0; b < qkv.size(0); ++b)
      for (Index t = 0; t < qkv.size(1); ++t)
        for (Index part = 0; part < 2; ++part)
          for (Index h = 0; h < qkv.size(3); ++h)
            for (Index i = 0; i < half; ++i) {
              double const angle =
                  static_cast<double>((positions.empty() ? 0 : positions(b)) + t) *
                  std::pow(base, -static_cast<double>(i) / static_cast<double>(half));
              T const cosine = static_cast<T>(std::cos(angle));
              T const sine = static_cast<T>(direction * std::sin(angle));
              T const low = qkv(b, t, part, h, i);
              T const high = qkv(b, t, part, h, half + i);
              qkv(b, t, part, h, i) = low * cosine - high * sine;
              qkv(b, t, part, h, half + i) = high * cosine + low * sine;
            }
  }
};

ACCRETE_END_NAMESPACE
