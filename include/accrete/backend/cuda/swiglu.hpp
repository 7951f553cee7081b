/// SwiGLU on the device.
#pragma once

#include <accrete/backend/cuda/backend.hpp>
#include <accrete/ops/swiglu.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

template <class T>
struct SwigluForward {
  static constexpr int threads = 256;
  T const* x;  // (N,2F)
  T* out;      // (N,F)
  Index count, hidden;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    policy.for_each(count, [&](Index i) {
      Index const gate_at = i / hidden * 2 * hidden + i % hidden;
      auto const gate = real(x[gate_at]);
      out[i] = static_cast<T>(gate / (1 + std::exp(-gate)) * real(x[gate_at + hidden]));
    });
  }
};

template <class T>
struct SwigluBackward {
  static constexpr int threads = 256;
  T const *grad_out, *x;
  T* grad_x;
  Index count, hidden;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    policy.for_each(count, [&](Index i) {
      Index const gate_at = i / hidden * 2 * hidden + i % hidden;
      auto const gate = real(x[gate_at]), up = real(x[gate_at + hidden]);
      auto const gradient = real(grad_out[i]);
      auto const s = 1 / (1 + std::exp(-gate));
      grad_x[gate_at] = static_cast<T>(gradient * up * s * (1 + gate * (1 - s)));
      grad_x[gate_at + hidden] = static_cast<T>(gradient * gate * s);
    });
  }
};

ACCRETE_END_CUDA_NAMESPACE

ACCRETE_BEGIN_NAMESPACE

template <class E>
struct SwigluKernel<BasicCudaBackend<E>> {
  using Backend = BasicCudaBackend<E>;

  static void forward(Backend const& backend, View<Backend, Element const, 2> x,
                      View<Backend, Element, 2> out) {
    cuda::launch(backend.context(), "swiglu_forward", cuda::blocks_for(out.count(), 256),
                 cuda::SwigluForward<E>{x.data(), out.data(), out.count(), out.size(1)});
  }
  static void backward(Backend const& backend, View<Backend, Element const, 2> grad_out,
                       View<Backend, Element const, 2> x, View<Backend, Element, 2> grad_x) {
    cuda::launch(backend.context(), "swiglu_backward", cuda::blocks_for(grad_out.count(), 256),
                 cuda::SwigluBackward<E>{grad_out.data(), x.data(), grad_x.data(), grad_out.count(),
                                         grad_out.size(1)});
  }
};

ACCRETE_END_NAMESPACE
