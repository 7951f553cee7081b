/// SwiGLU in packs.
#pragma once

#include <accrete/backend/cpu/backend.hpp>
#include <accrete/backend/cpu/vector_math.hpp>
#include <accrete/ops/swiglu.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct SwigluKernel<BasicCpuBackend<T>> {
  using Backend = BasicCpuBackend<T>;

  static void forward(Backend const& backend, View<Backend, Element const, 2> x,
                      View<Backend, Element, 2> out) {
    Index const hidden = out.size(1);
    backend.for_each_range(out.size(0), 3 * hidden, [&](IndexRange rows) {
      for (Index n = rows.begin; n < rows.end; ++n) {
        T const* const gate = x.data() + n * 2 * hidden;
        T* const to = out.data() + n * hidden;
        detail::for_each_pack<T>(hidden, [=](auto at) {
          auto const v = at.load(gate);
          at.store(to, v * detail::logistic(v) * at.load(gate + hidden));
        });
      }
    });
  }

  static void backward(Backend const& backend, View<Backend, Element const, 2> grad_out,
                       View<Backend, Element const, 2> x, View<Backend, Element, 2> grad_x) {
    Index const hidden = grad_out.size(1);
    backend.for_each_range(grad_out.size(0), 5 * hidden, [&](IndexRange rows) {
      for (Index n = rows.begin; n < rows.end; ++n) {
        T const* const gate = x.data() + n * 2 * hidden;
        T const* const from = grad_out.data() + n * hidden;
        T* const grad_gate = grad_x.data() + n * 2 * hidden;
        detail::for_each_pack<T>(hidden, [=](auto at) {
          detail::Pack<T> const one(T{1});
          auto const v = at.load(gate);
          auto const s = detail::logistic(v);
          auto const g = at.load(from);
          auto const up = at.load(gate + hidden);
          at.store(grad_gate, g * up * s * multiply_add(v, one - s, one));
          at.store(grad_gate + hidden, g * v * s);
        });
      }
    });
  }
};

ACCRETE_END_NAMESPACE
