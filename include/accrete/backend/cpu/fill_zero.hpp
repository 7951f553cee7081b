/// Setting to zero, at the speed of memory.
#pragma once

#include <algorithm>

#include <accrete/backend/cpu/backend.hpp>
#include <accrete/ops/fill_zero.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct FillZeroKernel<BasicCpuBackend<T>> {
  using Backend = BasicCpuBackend<T>;

  static void fill_zero(Backend const& backend, View<Backend, Master, 1> x) {
    backend.for_each_range(x.size(0), 1, [&](IndexRange range) {
      std::fill_n(x.data() + range.begin, range.size(), T{0});
    });
  }
};

ACCRETE_END_NAMESPACE
