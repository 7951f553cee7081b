/// The residual sum as a plain loop.
#pragma once

#include <accrete/backend/reference/backend.hpp>
#include <accrete/ops/residual_add.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct ResidualAddKernel<ReferenceBackend<T>> {
  using Backend = ReferenceBackend<T>;

  static void forward(Backend const&, View<Backend, Element const, 2> x,
                      View<Backend, Element const, 2> y, View<Backend, Element, 2> out) {
    for (Index n = 0; n < x.size(0); ++n)
      for (Index c = 0; c < x.size(1); ++c) out(n, c) = x(n, c) + y(n, c);
  }
};

ACCRETE_END_NAMESPACE
