/// SwiGLU as plain loops.
#pragma once

#include <cmath>

#include <accrete/backend/reference/backend.hpp>
#include <accrete/ops/swiglu.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct SwigluKernel<ReferenceBackend<T>> {
  using Backend = ReferenceBackend<T>;

  static void forward(Backend const&, View<Backend, Element const, 2> x,
                      View<Backend, Element, 2> out) {
    Index const hidden = out.size(1);
    for (Index n = 0; n < out.size(0); ++n)
      for (Index f = 0; f < hidden; ++f) out(n, f) = x(n, f) * sigmoid(x(n, f)) * x(n, hidden + f);
  }

  static void backward(Backend const&, View<Backend, Element const, 2> grad_out,
                       View<Backend, Element const, 2> x, View<Backend, Element, 2> grad_x) {
    Index const hidden = grad_out.size(1);
    for (Index n = 0; n < grad_out.size(0); ++n)
      for (Index f = 0; f < hidden; ++f) {
        T const gate = x(n, f);
        T const up = x(n, hidden + f);
        T const s = sigmoid(gate);
        grad_x(n, f) = grad_out(n, f) * up * s * (1 + gate * (1 - s));
        grad_x(n, hidden + f) = grad_out(n, f) * gate * s;
      }
  }

 private:
  static T sigmoid(T v) { return 1 / (1 + std::exp(-v)); }
};

ACCRETE_END_NAMESPACE
