/// The exact GELU on the device.
#pragma once

#include <numbers>

#include <accrete/backend/cuda/backend.hpp>
#include <accrete/ops/gelu.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

template <class Real>
[[nodiscard]] ACCRETE_KERNEL Real normal_cdf(Real v) {
  constexpr Real reciprocal_of_root_2 = std::numbers::sqrt2_v<Real> / 2;
  return (1 + std::erf(v * reciprocal_of_root_2)) / 2;
}

template <class T>
struct GeluForward {
  static constexpr int threads = 256;
  T const* x;
  T* out;
  Index count;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    policy.for_each(count, [&](Index i) {
      auto const v = real(x[i]);
      out[i] = static_cast<T>(v * normal_cdf(v));
    });
  }
};

template <class T>
struct GeluBackward {
  static constexpr int threads = 256;
  T const *grad_out, *x;
  T* grad_x;
  Index count;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    using Real = Compute<T>;
    constexpr Real density_at_zero = std::numbers::inv_sqrtpi_v<Real> / std::numbers::sqrt2_v<Real>;
    policy.for_each(count, [&](Index i) {
      Real const v = real(x[i]);
      Real const density = density_at_zero * std::exp(-v * v / 2);
      grad_x[i] = static_cast<T>(real(grad_out[i]) * (normal_cdf(v) + v * density));
    });
  }
};

ACCRETE_END_CUDA_NAMESPACE

ACCRETE_BEGIN_NAMESPACE

template <class E>
struct GeluKernel<BasicCudaBackend<E>> {
  using Backend = BasicCudaBackend<E>;

  static void forward(Backend const& backend, View<Backend, Element const, 2> x,
                      View<Backend, Element, 2> out) {
    cuda::launch(backend.context(), "gelu_forward", cuda::blocks_for(x.count(), 256),
                 cuda::GeluForward<E>{x.data(), out.data(), x.count()});
  }
  static void backward(Backend const& backend, View<Backend, Element const, 2> grad_out,
                       View<Backend, Element const, 2> x, View<Backend, Element, 2> grad_x) {
    cuda::launch(backend.context(), "gelu_backward", cuda::blocks_for(x.count(), 256),
                 cuda::GeluBackward<E>{grad_out.data(), x.data(), grad_x.data(), x.count()});
  }
};

ACCRETE_END_NAMESPACE
