/// The residual sum in packs.
#pragma once

#include <accrete/backend/cpu/backend.hpp>
#include <accrete/backend/cpu/pack.hpp>
#include <accrete/ops/residual_add.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct ResidualAddKernel<BasicCpuBackend<T>> {
  using Backend = BasicCpuBackend<T>;

  static void forward(Backend const& backend, View<Backend, Element const, 2> x,
                      View<Backend, Element const, 2> y, View<Backend, Element, 2> out) {
    backend.for_each_range(x.count(), 3, [&](IndexRange range) {
      T const* const a = x.data() + range.begin;
      T const* const b = y.data() + range.begin;
      detail::for_each_pack<T>(range.size(), [=, to = out.data() + range.begin](auto at) {
        at.store(to, at.load(a) + at.load(b));
      });
    });
  }
};

ACCRETE_END_NAMESPACE
