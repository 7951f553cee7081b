/// Root-mean-square normalisation on the device: a block for each row.
#pragma once

#include <accrete/backend/cuda/backend.hpp>
#include <accrete/backend/cuda/column_sums.hpp>
#include <accrete/ops/rms_norm.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

template <class T>
struct RmsNormForward {
  static constexpr int threads = 256;
  using Real = Compute<T>;
  T const *x, *weight;
  T* out;
  Real* rstd;
  Index channels;
  Real epsilon;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    Index const row = policy.block(), first = row * channels;
    PerThread<Real, Policy> part;
    policy.phase([&](int thread) {
      part[thread] = 0;
      for (Index c = thread; c < channels; c += threads)
        part[thread] += real(x[first + c]) * real(x[first + c]);
    });
    Real const square = policy.reduce(part, Sum{}) / static_cast<Real>(channels);
    Real const scale = Real{1} / std::sqrt(square + epsilon);
    policy.phase([&](int thread) {
      for (Index c = thread; c < channels; c += threads)
        out[first + c] = static_cast<T>(real(x[first + c]) * scale * real(weight[c]));
      if (thread == 0) rstd[row] = scale;
    });
  }
};

template <class T>
struct RmsNormBackward {
  static constexpr int threads = 256;
  using Real = Compute<T>;
  T const *grad_out, *x, *weight;
  Real const* rstd;
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
      for (Index c = thread; c < channels; c += threads)
        grad_x[first + c] = static_cast<T>(scale * (g(c) - normed(c) * mean_of_g_normed));
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
                 cuda::RmsNormForward<E>{x.data(), weight.data(), out.data(), rstd.data(),
                                         x.size(1), static_cast<cuda::Compute<E>>(epsilon)});
  }

  static void backward(Backend const& backend, View<Backend, Element const, 2> grad_out,
                       View<Backend, Element const, 2> x, View<Backend, Element const, 1> weight,
                       View<Backend, Statistic const, 1> rstd, View<Backend, Element, 2> grad_x,
                       View<Backend, Master, 1> grad_weight) {
    if (!grad_weight.empty())
      cuda::add_column_sums(backend.context(), "rms_norm_backward: weight",
                            cuda::RmsNormTerm<E>{grad_out.data(), x.data(), rstd.data(), x.size(1)},
                            x.size(0), x.size(1), {grad_weight.data()});
    cuda::launch(backend.context(), "rms_norm_backward", x.size(0),
                 cuda::RmsNormBackward<E>{grad_out.data(), x.data(), weight.data(), rstd.data(),
                                          grad_x.data(), x.size(1)});
  }
};

ACCRETE_END_NAMESPACE
