/// Linear maps on the device: products by cuBLASLt, with the bias or its gradient in their epilogue where that gives the
/// same. (GELU is not: cuBLASLt has its approximation by tanh alone.) Under CudaOptions::decode_kernels, maps of a few rows
/// are matrix-vector products of our own.
#pragma once

#include <accrete/backend/cuda/backend.hpp>
#include <accrete/backend/cuda/column_sums.hpp>
#include <accrete/backend/cuda/fused_linear.hpp>
#include <accrete/ops/linear.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

/// out[n,o] += scale * bias[o]
template <class T>
struct AddBias {
  static constexpr int threads = 256;
  T const* bias;
  T* out;
  Index count, outputs;
  Compute<T> scale;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    policy.for_each(count, [&](Index i) {
      out[i] = static_cast<T>(real(out[i]) + scale * real(bias[i % outputs]));
    });
  }
};

/// out[i] += x[i]
template <class Real>
struct AddTo {
  static constexpr int threads = 256;
  Real const* x;
  Real* out;
  Index count;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    policy.for_each(count, [&](Index i) { out[i] += x[i]; });
  }
};

/// The terms of grad_bias.
template <class T>
struct BiasTerm {
  static constexpr int outputs = 1;
  using Real = Compute<T>;
  T const* grad_out;
  Index width;

  ACCRETE_KERNEL void add(Index row, Index o, Real (&sums)[outputs]) const {
    sums[0] += real(grad_out[row * width + o]);
  }
};

ACCRETE_END_CUDA_NAMESPACE

ACCRETE_BEGIN_NAMESPACE

template <class E>
struct LinearKernel<BasicCudaBackend<E>> {
  using Backend = BasicCudaBackend<E>;

  static void forward(Backend const& backend, View<Backend, Element const, 2> x,
                      View<Backend, Element const, 2> weight, View<Backend, Element const, 1> bias,
                      View<Backend, Element, 2> out, LinearOptions options) {
    if (FusedLinearKernel<Backend>::takes(backend, x.size(0))) {
      LinearSurroundings<Backend> around{.scale = options.scale};
      if (options.accumulate) around.residual = out;
      return FusedLinearKernel<Backend>::forward(backend, x, weight, bias, out, around);
    }
    // The epilogue adds the bias as it is, and there is none for doubles.
    bool const in_epilogue = !bias.empty() && options.scale == 1 && !std::is_same_v<E, double>;
    bool const has_bias =
        backend.product().run(cuda::ProductCall<E, E>{.rows = out.size(0),
                                                      .columns = out.size(1),
                                                      .inner = x.size(1),
                                                      .a = {x.data(), x.size(1), false},
                                                      .b = {weight.data(), x.size(1), true},
                                                      .bias = in_epilogue ? bias.data() : nullptr,
                                                      .out = out.data(),
                                                      .out_stride = out.size(1),
                                                      .alpha = options.scale,
                                                      .beta = options.accumulate ? 1.0 : 0.0});
    if (!bias.empty() && !has_bias)
      cuda::launch(backend.context(), "linear_forward: bias", cuda::blocks_for(out.count(), 256),
                   cuda::AddBias<E>{bias.data(), out.data(), out.count(), out.size(1),
                                    static_cast<cuda::Compute<E>>(options.scale)});
  }

  static void backward_input(Backend const& backend, View<Backend, Element const, 2> grad_out,
                             View<Backend, Element const, 2> weight,
                             View<Backend, Element, 2> grad_x, LinearOptions options) {
    backend.product().run(cuda::ProductCall<E, E>{.rows = grad_x.size(0),
                                                  .columns = grad_x.size(1),
                                                  .inner = grad_out.size(1),
                                                  .a = {grad_out.data(), grad_out.size(1), false},
                                                  .b = {weight.data(), grad_x.size(1), false},
                                                  .out = grad_x.data(),
                                                  .out_stride = grad_x.size(1),
                                                  .alpha = options.scale,
                                                  .beta = options.accumulate ? 1.0 : 0.0});
  }

  static void backward_parameters(Backend const& backend, View<Backend, Element const, 2> grad_out,
                                  View<Backend, Element const, 2> x,
                                  View<Backend, Master, 2> grad_weight,
                                  View<Backend, Master, 1> grad_bias, double scale) {
    using Real = cuda::Compute<E>;
    Index const outputs = grad_out.size(1);
    bool has_sums = false;
    if (!grad_weight.empty()) {
      // The epilogue stores sums as they are, and there is none for doubles.
      bool const in_epilogue = !grad_bias.empty() && scale == 1 &&
                               backend.product().fuses_bias_gradients() &&
                               !std::is_same_v<E, double>;
      auto const scratch =
          backend.context().scratch(in_epilogue ? outputs * static_cast<Index>(sizeof(Real)) : 0);
      Real* const sums = in_epilogue ? scratch.template as<Real>() : nullptr;
      has_sums =
          backend.product().run(cuda::ProductCall<E, Real>{.rows = outputs,
                                                           .columns = x.size(1),
                                                           .inner = x.size(0),
                                                           .a = {grad_out.data(), outputs, true},
                                                           .b = {x.data(), x.size(1), false},
                                                           .row_sums = sums,
                                                           .out = grad_weight.data(),
                                                           .out_stride = x.size(1),
                                                           .alpha = scale,
                                                           .beta = 1.0});
      if (has_sums)
        cuda::launch(backend.context(), "linear_backward: bias", cuda::blocks_for(outputs, 256),
                     cuda::AddTo<Real>{sums, grad_bias.data(), outputs});
    }
    if (!grad_bias.empty() && !has_sums)
      cuda::add_column_sums(backend.context(), "linear_backward: bias",
                            cuda::BiasTerm<E>{grad_out.data(), outputs}, grad_out.size(0), outputs,
                            {grad_bias.data()}, static_cast<Real>(scale));
  }
};

ACCRETE_END_NAMESPACE
