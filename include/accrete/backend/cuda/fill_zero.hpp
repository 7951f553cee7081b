/// Setting to zero on the device.
#pragma once

#include <accrete/backend/cuda/backend.hpp>
#include <accrete/ops/fill_zero.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class E>
struct FillZeroKernel<BasicCudaBackend<E>> {
  using Backend = BasicCudaBackend<E>;

  static void fill_zero(Backend const& backend, View<Backend, Master, 1> x) {
    backend.context().set_to_zero(x.data(), x.count() * static_cast<Index>(sizeof(*x.data())));
  }
};

ACCRETE_END_NAMESPACE
