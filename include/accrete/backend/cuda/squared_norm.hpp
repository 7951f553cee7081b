/// The sum of squares on the device, in double and in one order.
#pragma once

#include <accrete/backend/cuda/backend.hpp>
#include <accrete/ops/squared_norm.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

/// sums[b] = sum over block b's `length` values of x^2, or of x itself where they are sums already.
template <class T, bool Squared>
struct BlockSums {
  static constexpr int threads = 256;
  T const* x;
  double* sums;
  Index count, length;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    Index const begin = policy.block() * length;
    Index const end = begin + length < count ? begin + length : count;
    PerThread<double, Policy> part;
    policy.phase([&](int thread) {
      double sum = 0;
      for (Index i = begin + thread; i < end; i += threads) {
        double const value = static_cast<double>(x[i]);
        sum += Squared ? value * value : value;
      }
      part[thread] = sum;
    });
    double const sum = policy.reduce(part, Sum{});
    policy.phase([&](int thread) {
      if (thread == 0) sums[policy.block()] = sum;
    });
  }
};

ACCRETE_END_CUDA_NAMESPACE

ACCRETE_BEGIN_NAMESPACE

template <class E>
struct SquaredNormKernel<BasicCudaBackend<E>> {
  using Backend = BasicCudaBackend<E>;

  [[nodiscard]] static double squared_norm(Backend const& backend,
                                           View<Backend, Master const, 1> x) {
    if (x.size(0) == 0) return 0;
    using Real = TypeOf<Backend, Master>;
    auto& context = backend.context();
    Index const blocks = (x.size(0) + squared_norm_block - 1) / squared_norm_block;
    auto const scratch = context.scratch((blocks + 1) * static_cast<Index>(sizeof(double)));
    double* const sums = scratch.template as<double>();
    cuda::launch(context, "squared_norm", blocks,
                 cuda::BlockSums<Real, true>{x.data(), sums, x.size(0), squared_norm_block});
    cuda::launch(context, "squared_norm: total", 1,
                 cuda::BlockSums<double, false>{sums, sums + blocks, blocks, blocks});
    double total = 0;
    context.copy_to_host(&total, sums + blocks, sizeof(total));
    return total;
  }
};

ACCRETE_END_NAMESPACE
