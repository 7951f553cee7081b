/// Mixtures on the device: a block for each row of logits.
#pragma once

#include <accrete/backend/cuda/backend.hpp>
#include <accrete/ops/mixture.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

template <class T>
struct MixtureForward {
  static constexpr int threads = 256;
  using Real = Compute<T>;
  T const* logits;    // (N,V)
  Real* normalizers;  // (N)
  T* mixture;         // (N,V)
  Index vocabulary;
  Real log_weight;
  bool accumulate;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    Index const row = policy.block(), first = row * vocabulary;
    constexpr Real least = least_number<Real>;
    PerThread<Real, Policy> part;
    policy.phase([&](int thread) {
      part[thread] = least;
      for (Index v = thread; v < vocabulary; v += threads)
        part[thread] = Greatest{}(part[thread], real(logits[first + v]));
    });
    Real const greatest = policy.reduce(part, Greatest{});
    policy.phase([&](int thread) {
      part[thread] = 0;
      for (Index v = thread; v < vocabulary; v += threads)
        part[thread] += std::exp(real(logits[first + v]) - greatest);
    });
    Real const normalizer = greatest + std::log(policy.reduce(part, Sum{}));
    policy.phase([&](int thread) {
      if (thread == 0) normalizers[row] = normalizer;
      for (Index v = thread; v < vocabulary; v += threads) {
        Real const share = real(logits[first + v]) - (normalizer - log_weight);
        mixture[first + v] =
            static_cast<T>(accumulate ? log_of_sum(share, real(mixture[first + v])) : share);
      }
    });
  }

 private:
  /// log(exp(a) + exp(b))
  ACCRETE_KERNEL static Real log_of_sum(Real a, Real b) {
    return Greatest{}(a, b) + std::log1p(std::exp(-std::abs(a - b)));
  }
};

template <class T>
struct MixtureBackward {
  static constexpr int threads = 256;
  using Real = Compute<T>;
  T const *grad_mixture, *mixture;  // (N,V)
  Real const* normalizers;          // (N)
  T* logits;                        // (N,V), overwritten by their gradient
  Index vocabulary;
  Real log_weight;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    Index const first = policy.block() * vocabulary;
    Real const normalizer = normalizers[policy.block()];
    auto const share = [&](Index i) {  // of the gradient
      return real(grad_mixture[i]) *
             std::exp(real(logits[i]) - (normalizer - log_weight) - real(mixture[i]));
    };
    PerThread<Real, Policy> part;
    policy.phase([&](int thread) {
      part[thread] = 0;
      for (Index v = thread; v < vocabulary; v += threads) part[thread] += share(first + v);
    });
    Real const sum = policy.reduce(part, Sum{});
    policy.phase([&](int thread) {
      for (Index v = thread; v < vocabulary; v += threads) {
        Index const i = first + v;
        logits[i] = static_cast<T>(share(i) - sum * std::exp(real(logits[i]) - normalizer));
      }
    });
  }
};

ACCRETE_END_CUDA_NAMESPACE

ACCRETE_BEGIN_NAMESPACE

template <class E>
struct MixtureKernel<BasicCudaBackend<E>> {
  using Backend = BasicCudaBackend<E>;
  using Real = cuda::Compute<E>;

  static void forward(Backend const& backend, View<Backend, Element const, 2> logits,
                      View<Backend, Statistic, 1> normalizers, View<Backend, Element, 2> mixture,
                      MixtureOptions options) {
    cuda::launch(
        backend.context(), "mixture_forward", logits.size(0),
        cuda::MixtureForward<E>{logits.data(), normalizers.data(), mixture.data(), logits.size(1),
                                static_cast<Real>(options.log_weight), options.accumulate});
  }
  static void backward(Backend const& backend, View<Backend, Element const, 2> grad_mixture,
                       View<Backend, Element const, 2> mixture,
                       View<Backend, Statistic const, 1> normalizers,
                       View<Backend, Element, 2> logits, double log_weight) {
    cuda::launch(
        backend.context(), "mixture_backward", logits.size(0),
        cuda::MixtureBackward<E>{grad_mixture.data(), mixture.data(), normalizers.data(),
                                 logits.data(), logits.size(1), static_cast<Real>(log_weight)});
  }
};

ACCRETE_END_NAMESPACE
