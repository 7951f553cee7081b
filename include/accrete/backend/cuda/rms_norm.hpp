/// Root-mean-square normalisation on the device: a block for each row. The residual sum before it, or that of the gradients
/// after it, is taken in where it is asked for.
#pragma once

#include <accrete/backend/cuda/backend.hpp>
#include <accrete/backend/cuda/column_sums.hpp>
#include <accrete/ops/residual_rms_norm.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

/// `Adds`: of sum = x + y, which is written.
template <class T, bool Adds>
struct RmsNormForward {
  static constexpr int threads = 256;
  using Real = Compute<T>;
  T const *x, *y;
  T* sum;
  T const* weight;
  T* out;
  Real* rstd;
  Index channels;
  Real epsilon;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    Index const row = policy.block(), first = row * channels;
    T const* const in = (Adds ? sum : x) + first;  // a thread reads what it has written itself
    PerThread<Real, Policy> part;
    policy.phase([&](int thread) {
      part[thread] = 0;
      for (Index c = thread; c < channels; c += threads) {
        if constexpr (Adds)
          sum[first + c] = static_cast<T>(real(x[first + c]) + real(y[first + c]));
        part[thread] += real(in[c]) * real(in[c]);
      }
    });
    Real const square = policy.reduce(part, Sum{}) / static_cast<Real>(channels);
    Real const scale = Real{1} / std::sqrt(square + epsilon);
    policy.phase([&](int thread) {
      for (Index c = thread; c < channels; c += threads)
        out[first + c] = static_cast<T>(real(in[c]) * scale * real(weight[c]));
      if (thread == 0) rstd[row] = scale;
    });
  }
};

/// `Adds`: grad_x is added to `skipped`.
template <class T, bool Adds>
struct RmsNormBackward {
  static constexpr int threads = 256;
  using Real = Compute<T>;
  T const *grad_out, *x, *weight;
  Real const* rstd;
  T const* skipped;
  T* grad_x;
  Index channels;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    Index const row = policy.block(), first = row * channels;
    Real const scale = rstd[row];
    auto const g = [&](Index c) { return real(grad_out[first + c]) * real(weight[c]); };
    auto const normed = [&](Index c) { return real(x[first + c]) * scale; };
    PerThread<Real, Policy> part;
    policy.phase([&](int thread) {
      part[thread] = 0;
      for (Index c = thread; c < channels; c += threads) part[thread] += g(c) * normed(c);
    });
    Real const mean_of_g_normed = policy.reduce(part, Sum{}) / static_cast<Real>(channels);
    policy.phase([&](int thread) {
      for (Index c = thread; c < channels; c += threads) {
        Real gradient = scale * (g(c) - normed(c) * mean_of_g_normed);
        if constexpr (Adds) gradient += real(skipped[first + c]);
        grad_x[first + c] = static_cast<T>(gradient);
      }
    });
  }
};

/// The terms of grad_weight.
template <class T>
struct RmsNormTerm {
  static constexpr int outputs = 1;
  using Real = Compute<T>;
  T const *grad_out, *x;
  Real const* rstd;
  Index channels;

  ACCRETE_KERNEL void add(Index row, Index c, Real (&sums)[outputs]) const {
    sums[0] += real(grad_out[row * channels + c]) * real(x[row * channels + c]) * rstd[row];
  }
};

ACCRETE_END_CUDA_NAMESPACE

ACCRETE_BEGIN_NAMESPACE

template <class E>
struct RmsNormKernel<BasicCudaBackend<E>> {
  using Backend = BasicCudaBackend<E>;

  static void forward(Backend const& backend, View<Backend, Element const, 2> x,
                      View<Backend, Element const, 1> weight, View<Backend, Element, 2> out,
                      View<Backend, Statistic, 1> rstd, double epsilon) {
    cuda::launch(backend.context(), "rms_norm_forward", x.size(0),
                 cuda::RmsNormForward<E, false>{x.data(), nullptr, nullptr, weight.data(),
                                                out.data(), rstd.data(), x.size(1),
                                                static_cast<cuda::Compute<E>>(epsilon)});
  }

  static void add_forward(Backend const& backend, View<Backend, Element const, 2> x,
                          View<Backend, Element const, 2> y, View<Backend, Element, 2> sum,
                          View<Backend, Element const, 1> weight, View<Backend, Element, 2> out,
                          View<Backend, Statistic, 1> rstd, double epsilon) {
    cuda::launch(backend.context(), "residual_rms_norm_forward", x.size(0),
                 cuda::RmsNormForward<E, true>{x.data(), y.data(), sum.data(), weight.data(),
                                               out.data(), rstd.data(), x.size(1),
                                               static_cast<cuda::Compute<E>>(epsilon)});
  }

  static void backward(Backend const& backend, View<Backend, Element const, 2> grad_out,
                       View<Backend, Element const, 2> x, View<Backend, Element const, 1> weight,
                       View<Backend, Statistic const, 1> rstd, View<Backend, Element, 2> grad_x,
                       View<Backend, Master, 1> grad_weight) {
    backward_weight(backend, grad_out, x, rstd, grad_weight);
    cuda::launch(backend.context(), "rms_norm_backward", x.size(0),
                 cuda::RmsNormBackward<E, false>{grad_out.data(), x.data(), weight.data(),
                                                 rstd.data(), nullptr, grad_x.data(), x.size(1)});
  }

  static void add_backward(Backend const& backend, View<Backend, Element const, 2> grad_out,
                           View<Backend, Element const, 2> x,
                           View<Backend, Element const, 1> weight,
                           View<Backend, Statistic const, 1> rstd,
                           View<Backend, Element const, 2> skipped,
                           View<Backend, Element, 2> grad_x, View<Backend, Master, 1> grad_weight) {
    backward_weight(backend, grad_out, x, rstd, grad_weight);
    cuda::launch(
        backend.context(), "residual_rms_norm_backward", x.size(0),
        cuda::RmsNormBackward<E, true>{grad_out.data(), x.data(), weight.data(), rstd.data(),
                                       skipped.data(), grad_x.data(), x.size(1)});
  }

 private:
  static void backward_weight(Backend const& backend, View<Backend, Element const, 2> grad_out,
                              View<Backend, Element const, 2> x,
                              View<Backend, Statistic const, 1> rstd,
                              View<Backend, Master, 1> grad_weight) {
    if (!grad_weight.empty())
      cuda::add_column_sums(backend.context(), "rms_norm_backward: weight",
                            cuda::RmsNormTerm<E>{grad_out.data(), x.data(), rstd.data(), x.size(1)},
                            x.size(0), x.size(1), {grad_weight.data()});
  }
};

ACCRETE_END_NAMESPACE
