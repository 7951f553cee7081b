/// Softmax cross-entropy on the device: a block for each row of logits, which it reads twice.
#pragma once

#include <accrete/backend/cuda/backend.hpp>
#include <accrete/ops/cross_entropy.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

template <class T>
struct CrossEntropy {
  static constexpr int threads = 256;
  using Real = Compute<T>;
  T const* logits;         // (N,V)
  TokenId const* targets;  // (N)
  Real* losses;            // (N)
  T* gradient;             // (N,V), may be `logits`; or null
  Index vocabulary;
  Real scale;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    Index const row = policy.block(), first = row * vocabulary;
    TokenId const target = targets[row];
    if (target == ignored_target) {
      policy.phase([&](int thread) {
        if (gradient != nullptr)
          for (Index v = thread; v < vocabulary; v += threads)
            gradient[first + v] = static_cast<T>(Real{0});
        if (thread == 0) losses[row] = 0;
      });
      return;
    }
    constexpr Real least = least_number<Real>;
    // Each thread keeps the greatest of its logits and the sum of exponentials relative to it.
    PerThread<Real, Policy> greatest, sum;
    policy.phase([&](int thread) {
      Real most = least, total = 0;
      for (Index v = thread; v < vocabulary; v += threads) {
        Real const logit = real(logits[first + v]);
        if (logit > most) {
          total *= std::exp(most - logit);
          most = logit;
        }
        total += std::exp(logit - most);
      }
      greatest[thread] = most;
      sum[thread] = total;
    });
    Real const most = policy.reduce(greatest, Greatest{});
    policy.phase([&](int thread) { sum[thread] *= std::exp(greatest[thread] - most); });
    Real const total =
        policy.reduce(sum, Sum{});  // relative to the greatest: great logits keep their bits
    policy.phase([&](int thread) {
      if (thread == 0) losses[row] = std::log(total) - (real(logits[first + target]) - most);
    });
    if (gradient == nullptr) return;
    policy.phase([&](int thread) {
      for (Index v = thread; v < vocabulary; v += threads) {
        Real const probability = std::exp(real(logits[first + v]) - most) / total;
        gradient[first + v] =
            static_cast<T>(scale * (probability - (v == target ? Real{1} : Real{0})));
      }
    });
  }
};

ACCRETE_END_CUDA_NAMESPACE

ACCRETE_BEGIN_NAMESPACE

template <class E>
struct CrossEntropyKernel<BasicCudaBackend<E>> {
  using Backend = BasicCudaBackend<E>;

  static void forward(Backend const& backend, View<Backend, Element const, 2> logits,
                      View<Backend, TokenId const, 1> targets, View<Backend, Statistic, 1> losses) {
    cuda::launch(backend.context(), "cross_entropy_forward", logits.size(0),
                 cuda::CrossEntropy<E>{logits.data(), targets.data(), losses.data(), nullptr,
                                       logits.size(1), 0});
  }
  static void forward_backward(Backend const& backend, View<Backend, Element, 2> logits,
                               View<Backend, TokenId const, 1> targets,
                               View<Backend, Statistic, 1> losses, double scale) {
    cuda::launch(backend.context(), "cross_entropy_forward_backward", logits.size(0),
                 cuda::CrossEntropy<E>{logits.data(), targets.data(), losses.data(), logits.data(),
                                       logits.size(1), static_cast<cuda::Compute<E>>(scale)});
  }
};

ACCRETE_END_NAMESPACE
