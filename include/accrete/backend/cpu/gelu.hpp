/// The exact GELU in packs.
#pragma once

#include <accrete/backend/cpu/backend.hpp>
#include <accrete/backend/cpu/vector_math.hpp>
#include <accrete/ops/gelu.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct GeluKernel<BasicCpuBackend<T>> {
  using Backend = BasicCpuBackend<T>;

  static void forward(Backend const& backend, View<Backend, Element const, 2> x,
                      View<Backend, Element, 2> out) {
    backend.for_each_range(x.count(), 2, [&](IndexRange range) {
      T const* const in = x.data() + range.begin;
      detail::for_each_pack<T>(range.size(), [=, to = out.data() + range.begin](auto at) {
        auto const v = at.load(in);
        at.store(to, v * detail::normal_distribution(v).cumulative);
      });
    });
  }

  static void backward(Backend const& backend, View<Backend, Element const, 2> grad_out,
                       View<Backend, Element const, 2> x, View<Backend, Element, 2> grad_x) {
    backend.for_each_range(x.count(), 3, [&](IndexRange range) {
      T const* const in = x.data() + range.begin;
      T const* const from = grad_out.data() + range.begin;
      detail::for_each_pack<T>(range.size(), [=, to = grad_x.data() + range.begin](auto at) {
        auto const v = at.load(in);
        auto const normal = detail::normal_distribution(v);
        at.store(to, at.load(from) * multiply_add(v, normal.density, normal.cumulative));
      });
    });
  }
};

ACCRETE_END_NAMESPACE
