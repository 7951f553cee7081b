/// Layer normalisation on the device: a block for each row. The residual sum before it, or that of the gradients after it,
/// is taken in where it is asked for.
#pragma once

#include <accrete/backend/cuda/backend.hpp>
#include <accrete/backend/cuda/column_sums.hpp>
#include <accrete/ops/residual_layer_norm.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

/// `Adds`: of sum = x + y, which is written.
template <class T, bool Adds>
struct LayerNormForward {
  static constexpr int threads = 256;
  using Real = Compute<T>;
  T const *x, *y;
  T* sum;
  T const *weight, *bias;
  T* out;
  Real *mean, *rstd;
  Index channels;
  Real epsilon;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    Index const row = policy.block(), begin = row * channels;
    T const* const in = (Adds ? sum : x) + begin;  // a thread reads what it has written itself
    PerThread<Real, Policy> part;
    policy.phase([&](int thread) {
      part[thread] = 0;
      for (Index c = thread; c < channels; c += threads) {
        if constexpr (Adds)
          sum[begin + c] = static_cast<T>(real(x[begin + c]) + real(y[begin + c]));
        part[thread] += real(in[c]);
      }
    });
    Real const center = policy.reduce(part, Sum{}) / static_cast<Real>(channels);
    policy.phase([&](int thread) {
      part[thread] = 0;
      for (Index c = thread; c < channels; c += threads) {
        Real const difference = real(in[c]) - center;
        part[thread] += difference * difference;
      }
    });
    Real const variance = policy.reduce(part, Sum{}) / static_cast<Real>(channels);
    Real const scale = Real{1} / std::sqrt(variance + epsilon);
    policy.phase([&](int thread) {
      for (Index c = thread; c < channels; c += threads)
        out[begin + c] =
            static_cast<T>((real(in[c]) - center) * scale * real(weight[c]) + real(bias[c]));
      if (thread == 0) {
        mean[row] = center;
        rstd[row] = scale;
      }
    });
  }
};

/// `Adds`: grad_x is added to `skipped`.
template <class T, bool Adds>
struct LayerNormBackward {
  static constexpr int threads = 256;
  using Real = Compute<T>;
  T const *grad_out, *x, *weight;
  Real const *mean, *rstd;
  T const* skipped;
  T* grad_x;
  Index channels;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    Index const row = policy.block(), first = row * channels;
    Real const center = mean[row], scale = rstd[row];
    auto const g = [&](Index c) { return real(grad_out[first + c]) * real(weight[c]); };
    auto const normed = [&](Index c) { return (real(x[first + c]) - center) * scale; };
    PerThread<Real, Policy> part, part_normed;
    policy.phase([&](int thread) {
      part[thread] = part_normed[thread] = 0;
      for (Index c = thread; c < channels; c += threads) {
        part[thread] += g(c);
        part_normed[thread] += g(c) * normed(c);
      }
    });
    Real const mean_of_g = policy.reduce(part, Sum{}) / static_cast<Real>(channels);
    Real const mean_of_g_normed = policy.reduce(part_normed, Sum{}) / static_cast<Real>(channels);
    policy.phase([&](int thread) {
      for (Index c = thread; c < channels; c += threads) {
        Real gradient = scale * (g(c) - mean_of_g - normed(c) * mean_of_g_normed);
        if constexpr (Adds) gradient += real(skipped[first + c]);
        grad_x[first + c] = static_cast<T>(gradient);
      }
    });
  }
};

/// The terms of grad_weight and grad_bias.
template <class T>
struct LayerNormTerm {
  static constexpr int outputs = 2;
  using Real = Compute<T>;
  T const *grad_out, *x;
  Real const *mean, *rstd;
  Index channels;

  ACCRETE_KERNEL void add(Index row, Index c, Real (&sums)[outputs]) const {
    Real const gradient = real(grad_out[row * channels + c]);
    sums[0] += gradient * (real(x[row * channels + c]) - mean[row]) * rstd[row];
    sums[1] += gradient;
  }
};

ACCRETE_END_CUDA_NAMESPACE

ACCRETE_BEGIN_NAMESPACE

template <class E>
struct LayerNormKernel<BasicCudaBackend<E>> {
  using Backend = BasicCudaBackend<E>;
  using Real = cuda::Compute<E>;

  static void forward(Backend const& backend, View<Backend, Element const, 2> x,
                      View<Backend, Element const, 1> weight, View<Backend, Element const, 1> bias,
                      View<Backend, Element, 2> out, View<Backend, Statistic, 1> mean,
                      View<Backend, Statistic, 1> rstd, double epsilon) {
    cuda::launch(backend.context(), "layer_norm_forward", x.size(0),
                 cuda::LayerNormForward<E, false>{x.data(), nullptr, nullptr, weight.data(),
                                                  bias.data(), out.data(), mean.data(), rstd.data(),
                                                  x.size(1), static_cast<Real>(epsilon)});
  }

  static void add_forward(Backend const& backend, View<Backend, Element const, 2> x,
                          View<Backend, Element const, 2> y, View<Backend, Element, 2> sum,
                          View<Backend, Element const, 1> weight,
                          View<Backend, Element const, 1> bias, View<Backend, Element, 2> out,
                          View<Backend, Statistic, 1> mean, View<Backend, Statistic, 1> rstd,
                          double epsilon) {
    cuda::launch(backend.context(), "residual_layer_norm_forward", x.size(0),
                 cuda::LayerNormForward<E, true>{x.data(), y.data(), sum.data(), weight.data(),
                                                 bias.data(), out.data(), mean.data(), rstd.data(),
                                                 x.size(1), static_cast<Real>(epsilon)});
  }

  static void backward(Backend const& backend, View<Backend, Element const, 2> grad_out,
                       View<Backend, Element const, 2> x, View<Backend, Element const, 1> weight,
                       View<Backend, Statistic const, 1> mean,
                       View<Backend, Statistic const, 1> rstd, View<Backend, Element, 2> grad_x,
                       View<Backend, Master, 1> grad_weight, View<Backend, Master, 1> grad_bias) {
    backward_parameters(backend, grad_out, x, mean, rstd, grad_weight, grad_bias);
    cuda::launch(
        backend.context(), "layer_norm_backward", x.size(0),
        cuda::LayerNormBackward<E, false>{grad_out.data(), x.data(), weight.data(), mean.data(),
                                          rstd.data(), nullptr, grad_x.data(), x.size(1)});
  }

  static void add_backward(Backend const& backend, View<Backend, Element const, 2> grad_out,
                           View<Backend, Element const, 2> x,
                           View<Backend, Element const, 1> weight,
                           View<Backend, Statistic const, 1> mean,
                           View<Backend, Statistic const, 1> rstd,
                           View<Backend, Element const, 2> skipped,
                           View<Backend, Element, 2> grad_x, View<Backend, Master, 1> grad_weight,
                           View<Backend, Master, 1> grad_bias) {
    backward_parameters(backend, grad_out, x, mean, rstd, grad_weight, grad_bias);
    cuda::launch(
        backend.context(), "residual_layer_norm_backward", x.size(0),
        cuda::LayerNormBackward<E, true>{grad_out.data(), x.data(), weight.data(), mean.data(),
                                         rstd.data(), skipped.data(), grad_x.data(), x.size(1)});
  }

 private:
  static void backward_parameters(Backend const& backend, View<Backend, Element const, 2> grad_out,
                                  View<Backend, Element const, 2> x,
                                  View<Backend, Statistic const, 1> mean,
                                  View<Backend, Statistic const, 1> rstd,
                                  View<Backend, Master, 1> grad_weight,
                                  View<Backend, Master, 1> grad_bias) {
    if (!grad_weight.empty() || !grad_bias.empty())
      cuda::add_column_sums(
          backend.context(), "layer_norm_backward: parameters",
          cuda::LayerNormTerm<E>{grad_out.data(), x.data(), mean.data(), rstd.data(), x.size(1)},
          x.size(0), x.size(1), {grad_weight.data(), grad_bias.data()});
  }
};

ACCRETE_END_NAMESPACE
