/// The exact GELU as plain loops.
#pragma once

#include <cmath>
#include <numbers>

#include <accrete/backend/reference/backend.hpp>
#include <accrete/ops/gelu.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct GeluKernel<ReferenceBackend<T>> {
  using Backend = ReferenceBackend<T>;

  static void forward(Backend const&, View<Backend, Element const, 2> x,
                      View<Backend, Element, 2> out) {
    for (Index n = 0; n < x.size(0); ++n)
      for (Index f = 0; f < x.size(1); ++f) out(n, f) = x(n, f) * normal_cdf(x(n, f));
  }

  static void backward(Backend const&, View<Backend, Element const, 2> grad_out,
                       View<Backend, Element const, 2> x, View<Backend, Element, 2> grad_x) {
    T const density_at_zero = std::numbers::inv_sqrtpi_v<T> / std::numbers::sqrt2_v<T>;
    for (Index n = 0; n < x.size(0); ++n)
      for (Index f = 0; f < x.size(1); ++f) {
        T const v = x(n, f);
        T const density = density_at_zero * std::exp(-v * v / 2);
        grad_x(n, f) = grad_out(n, f) * (normal_cdf(v) + v * density);
      }
  }

 private:
  static T normal_cdf(T v) { return (1 + std::erf(v / std::numbers::sqrt2_v<T>)) / 2; }
};

ACCRETE_END_NAMESPACE
