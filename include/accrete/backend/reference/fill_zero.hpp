/// Setting to zero as a plain loop.
#pragma once

#include <accrete/backend/reference/backend.hpp>
#include <accrete/ops/fill_zero.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct FillZeroKernel<ReferenceBackend<T>> {
  using Backend = ReferenceBackend<T>;

  static void fill_zero(Backend const&, View<Backend, Master, 1> x) {
    for (Index i = 0; i < x.size(0); ++i) x(i) = T{0};
  }
};

ACCRETE_END_NAMESPACE
