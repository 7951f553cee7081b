/// The sum of squares as a plain loop.
#pragma once

#include <algorithm>

#include <accrete/backend/reference/backend.hpp>
#include <accrete/ops/squared_norm.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct SquaredNormKernel<ReferenceBackend<T>> {
  using Backend = ReferenceBackend<T>;

  [[nodiscard]] static double squared_norm(Backend const&, View<Backend, Master const, 1> x) {
    double total = 0;
    for (Index begin = 0; begin < x.size(0); begin += squared_norm_block) {
      double sum = 0;
      for (Index i = begin; i < std::min(begin + squared_norm_block, x.size(0)); ++i)
        sum += static_cast<double>(x(i)) * static_cast<double>(x(i));
      total += sum;
    }
    return total;
  }
};

ACCRETE_END_NAMESPACE
