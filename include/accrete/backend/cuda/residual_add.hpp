/// The residual sum on the device.
#pragma once

#include <accrete/backend/cuda/backend.hpp>
#include <accrete/ops/residual_add.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

template <class T>
struct ResidualAdd {
  static constexpr int threads = 256;
  T const *x, *y;
  T* out;
  Index count;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    policy.for_each(count, [&](Index i) { out[i] = static_cast<T>(real(x[i]) + real(y[i])); });
  }
};

ACCRETE_END_CUDA_NAMESPACE

ACCRETE_BEGIN_NAMESPACE

template <class E>
struct ResidualAddKernel<BasicCudaBackend<E>> {
  using Backend = BasicCudaBackend<E>;

  static void forward(Backend const& backend, View<Backend, Element const, 2> x,
                      View<Backend, Element const, 2> y, View<Backend, Element, 2> out) {
    cuda::launch(backend.context(), "residual_add", cuda::blocks_for(x.count(), 256),
                 cuda::ResidualAdd<E>{x.data(), y.data(), out.data(), x.count()});
  }
};

ACCRETE_END_NAMESPACE
