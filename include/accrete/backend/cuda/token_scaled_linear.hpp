/// Linear maps with a scale per row on the device: products of scaled rows.
#pragma once

#include <accrete/backend/cuda/column_sums.hpp>
#include <accrete/backend/cuda/scaled_rows.hpp>
#include <accrete/ops/token_scaled_linear.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

/// out[n,o] += scale * token_scale[n] * bias[o]
template <class T>
struct AddTokenScaledBias {
  static constexpr int threads = 256;
  T const* bias;
  Compute<T> const* token_scale;
  T* out;
  Index count, outputs;
  Compute<T> scale;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    policy.for_each(count, [&](Index i) {
      out[i] =
          static_cast<T>(real(out[i]) + scale * token_scale[i / outputs] * real(bias[i % outputs]));
    });
  }
};

/// With u = grad_out W: grad_token_scale[n] += scale * (x[n,:] . u[n,:] + grad_out[n,:] . bias). A block for each row.
template <class T>
struct TokenScaleGradient {
  static constexpr int threads = 256;
  using Real = Compute<T>;
  T const *x, *unscaled, *grad_out, *bias;  // (N,I), (N,I), (N,O), (O) or null
  Real* grad_token_scale;                   // (N)
  Index inputs, outputs;
  Real scale;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    Index const row = policy.block();
    PerThread<Real, Policy> part;
    policy.phase([&](int thread) {
      part[thread] = 0;
      for (Index i = thread; i < inputs; i += threads)
        part[thread] += real(x[row * inputs + i]) * real(unscaled[row * inputs + i]);
      if (bias != nullptr)
        for (Index o = thread; o < outputs; o += threads)
          part[thread] += real(grad_out[row * outputs + o]) * real(bias[o]);
    });
    Real const sum = policy.reduce(part, Sum{});
    policy.phase([&](int thread) {
      if (thread == 0) grad_token_scale[row] += scale * sum;
    });
  }
};

/// The terms of grad_bias.
template <class T>
struct TokenScaledBiasTerm {
  static constexpr int outputs = 1;
  using Real = Compute<T>;
  T const* grad_out;
  Real const* token_scale;
  Index width;

  ACCRETE_KERNEL void add(Index row, Index o, Real (&sums)[outputs]) const {
    sums[0] += token_scale[row] * real(grad_out[row * width + o]);
  }
};

ACCRETE_END_CUDA_NAMESPACE

ACCRETE_BEGIN_NAMESPACE

template <class E>
struct TokenScaledLinearKernel<BasicCudaBackend<E>> {
  using Backend = BasicCudaBackend<E>;
  using Real = cuda::Compute<E>;

  static void forward(Backend const& backend, View<Backend, Element const, 2> x,
                      View<Backend, Statistic const, 1> token_scale,
                      View<Backend, Element const, 2> weight, View<Backend, Element const, 1> bias,
                      View<Backend, Element, 2> out, LinearOptions options) {
    auto const scratch = backend.context().scratch(bytes_of(x));
    backend.product().run(cuda::ProductCall<E, E>{
        .rows = out.size(0),
        .columns = out.size(1),
        .inner = x.size(1),
        .a = {scaled(backend, x, token_scale, scratch.template as<E>()), x.size(1), false},
        .b = {weight.data(), x.size(1), true},
        .out = out.data(),
        .out_stride = out.size(1),
        .alpha = options.scale,
        .beta = options.accumulate ? 1.0 : 0.0});
    if (!bias.empty())
      cuda::launch(
          backend.context(), "token_scaled_linear_forward: bias",
          cuda::blocks_for(out.count(), 256),
          cuda::AddTokenScaledBias<E>{bias.data(), token_scale.data(), out.data(), out.count(),
                                      out.size(1), static_cast<Real>(options.scale)});
  }

  static void backward(Backend const& backend, View<Backend, Element const, 2> grad_out,
                       View<Backend, Element const, 2> x,
                       View<Backend, Statistic const, 1> token_scale,
                       View<Backend, Element const, 2> weight, View<Backend, Element const, 1> bias,
                       View<Backend, Element, 2> grad_x,
                       View<Backend, Statistic, 1> grad_token_scale,
                       View<Backend, Master, 2> grad_weight, View<Backend, Master, 1> grad_bias,
                       double scale) {
    if (!grad_bias.empty())
      cuda::add_column_sums(
          backend.context(), "token_scaled_linear_backward: bias",
          cuda::TokenScaledBiasTerm<E>{grad_out.data(), token_scale.data(), grad_out.size(1)},
          grad_out.size(0), grad_out.size(1), {grad_bias.data()}, static_cast<Real>(scale));
    auto const scratch = backend.context().scratch(bytes_of(x));
    if (!grad_weight.empty())
      backend.product().run(cuda::ProductCall<E, Real>{
          .rows = grad_out.size(1),
          .columns = x.size(1),
          .inner = x.size(0),
          .a = {grad_out.data(), grad_out.size(1), true},
          .b = {scaled(backend, x, token_scale, scratch.template as<E>()), x.size(1), false},
          .out = grad_weight.data(),
          .out_stride = x.size(1),
          .alpha = scale,
          .beta = 1.0});
    if (grad_x.empty() && grad_token_scale.empty()) return;
    E* const unscaled = grad_x.empty() ? scratch.template as<E>() : grad_x.data();
    backend.product().run(cuda::ProductCall<E, E>{.rows = x.size(0),
                                                  .columns = x.size(1),
                                                  .inner = grad_out.size(1),
                                                  .a = {grad_out.data(), grad_out.size(1), false},
                                                  .b = {weight.data(), x.size(1), false},
                                                  .out = unscaled,
                                                  .out_stride = x.size(1)});
    if (!grad_token_scale.empty())
      cuda::launch(backend.context(), "token_scaled_linear_backward: scales", x.size(0),
                   cuda::TokenScaleGradient<E>{x.data(), unscaled, grad_out.data(), bias.data(),
                                               grad_token_scale.data(), x.size(1), grad_out.size(1),
                                               static_cast<Real>(scale)});
    if (!grad_x.empty())
      cuda::launch(backend.context(), "token_scaled_linear_backward: input",
                   cuda::blocks_for(x.count(), 256),
                   cuda::ScaleRows<E>{grad_x.data(), token_scale.data(), grad_x.data(), x.count(),
                                      x.size(1), static_cast<Real>(scale), false});
  }

 private:
  [[nodiscard]] static Index bytes_of(View<Backend, Element const, 2> x) {
    return x.count() * static_cast<Index>(sizeof(E));
  }
  /// memory[n,:] = token_scale[n] * x[n,:]
  static E const* scaled(Backend const& backend, View<Backend, Element const, 2> x,
                         View<Backend, Statistic const, 1> token_scale, E* memory) {
    cuda::launch(backend.context(), "token_scaled_linear: rows", cuda::blocks_for(x.count(), 256),
                 cuda::ScaleRows<E>{x.data(), token_scale.data(), memory, x.count(), x.size(1),
                                    Real{1}, false});
    return memory;
  }
};

ACCRETE_END_NAMESPACE
