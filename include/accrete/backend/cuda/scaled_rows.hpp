/// Scaled rows on the device.
#pragma once

#include <accrete/backend/cuda/backend.hpp>
#include <accrete/ops/scaled_rows.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

/// out[n,:] = scale * token_scale[n] * x[n,:], or the sum of that and out.
template <class T>
struct ScaleRows {
  static constexpr int threads = 256;
  using Real = Compute<T>;
  T const* x;               // (N,C)
  Real const* token_scale;  // (N) or null
  T* out;                   // (N,C)
  Index count, width;
  Real scale;
  bool accumulate;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    policy.for_each(count, [&](Index i) {
      Real const factor = token_scale == nullptr ? scale : scale * token_scale[i / width];
      Real const value = factor * real(x[i]);
      out[i] = static_cast<T>(accumulate ? real(out[i]) + value : value);
    });
  }
};

/// A block for each row: the dot product before its row of `x` is overwritten.
template <class T>
struct ScaledRowsBackward {
  static constexpr int threads = 256;
  using Real = Compute<T>;
  T const* grad_out;        // (N,C)
  Real const* token_scale;  // (N) or null
  T* x;                     // (N,C)
  Real* grad_token_scale;   // (N) or null
  Index width;
  Real scale;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    Index const row = policy.block(), first = row * width;
    if (grad_token_scale != nullptr) {
      PerThread<Real, Policy> part;
      policy.phase([&](int thread) {
        part[thread] = 0;
        for (Index c = thread; c < width; c += threads)
          part[thread] += real(grad_out[first + c]) * real(x[first + c]);
      });
      Real const sum = policy.reduce(part, Sum{});
      policy.phase([&](int thread) {
        if (thread == 0) grad_token_scale[row] += scale * sum;
      });
    }
    Real const factor = token_scale == nullptr ? scale : scale * token_scale[row];
    policy.phase([&](int thread) {
      for (Index c = thread; c < width; c += threads)
        x[first + c] = static_cast<T>(factor * real(grad_out[first + c]));
    });
  }
};

ACCRETE_END_CUDA_NAMESPACE

ACCRETE_BEGIN_NAMESPACE

template <class E>
struct ScaledRowsKernel<BasicCudaBackend<E>> {
  using Backend = BasicCudaBackend<E>;

  static void forward(Backend const& backend, View<Backend, Element const, 2> x,
                      View<Backend, Statistic const, 1> token_scale, View<Backend, Element, 2> out,
                      LinearOptions options) {
    cuda::launch(
        backend.context(), "scaled_rows_forward", cuda::blocks_for(x.count(), 256),
        cuda::ScaleRows<E>{x.data(), token_scale.data(), out.data(), x.count(), x.size(1),
                           static_cast<cuda::Compute<E>>(options.scale), options.accumulate});
  }
  static void backward(Backend const& backend, View<Backend, Element const, 2> grad_out,
                       View<Backend, Statistic const, 1> token_scale, View<Backend, Element, 2> x,
                       View<Backend, Statistic, 1> grad_token_scale, double scale) {
    cuda::launch(backend.context(), "scaled_rows_backward", x.size(0),
                 cuda::ScaledRowsBackward<E>{grad_out.data(), token_scale.data(), x.data(),
                                             grad_token_scale.data(), x.size(1),
                                             static_cast<cuda::Compute<E>>(scale)});
  }
};

ACCRETE_END_NAMESPACE
