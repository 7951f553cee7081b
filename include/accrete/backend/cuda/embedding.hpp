/// Embedding lookup on the device, and its gradient without a race: one block for each token that occurs.
#pragma once

#include <accrete/backend/cuda/backend.hpp>
#include <accrete/ops/embedding.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

template <class T>
struct EmbeddingForward {
  static constexpr int threads = 256;
  TokenId const* ids;  // (N)
  T const* table;      // (V,W)
  T* out;              // (N,C)
  Index count, channels, width;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    Index const repeat = channels / width;
    policy.for_each(count, [&](Index i) {
      Index const id = ids[i / channels];
      out[i] = table[id * width + i % channels / repeat];
    });
  }
};

/// Block n: nothing where an earlier token has the same id, else the sum over all tokens that have it, in order.
template <class T>
struct EmbeddingBackward {
  static constexpr int threads = 256;
  static constexpr Index shared_bytes = threads * Index{sizeof(int)};
  TokenId const* ids;      // (N)
  T const* grad_out;       // (N,C)
  Compute<T>* grad_table;  // (V,W)
  Index tokens, channels, width;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    Index const first = policy.block(), repeat = channels / width;
    TokenId const id = ids[first];
    PerThread<int, Policy> found;
    policy.phase([&](int thread) {
      found[thread] = 0;
      for (Index n = thread; n < first; n += threads)
        if (ids[n] == id) found[thread] = 1;
    });
    if (policy.reduce(found, Greatest{}) != 0) return;
    int* const same = policy.template shared<int>(threads);
    for (Index begin = first; begin < tokens; begin += threads) {
      policy.phase([&](int thread) {
        found[thread] = begin + thread < tokens && ids[begin + thread] == id ? 1 : 0;
        same[thread] = found[thread];
      });
      if (policy.reduce(found, Greatest{}) == 0) continue;
      policy.phase([&](int thread) {
        for (Index w = thread; w < width; w += threads) {
          Compute<T> sum = grad_table[id * width + w];
          for (Index n = 0; n < threads; ++n) {
            if (same[n] == 0) continue;
            T const* const gradient = grad_out + (begin + n) * channels + w * repeat;
            for (Index i = 0; i < repeat; ++i) sum += real(gradient[i]);
          }
          grad_table[id * width + w] = sum;
        }
      });
    }
  }
};

ACCRETE_END_CUDA_NAMESPACE

ACCRETE_BEGIN_NAMESPACE

template <class E>
struct EmbeddingKernel<BasicCudaBackend<E>> {
  using Backend = BasicCudaBackend<E>;

  static void forward(Backend const& backend, View<Backend, TokenId const, 1> ids,
                      View<Backend, Element const, 2> table, View<Backend, Element, 2> out) {
    cuda::launch(backend.context(), "embedding_forward", cuda::blocks_for(out.count(), 256),
                 cuda::EmbeddingForward<E>{ids.data(), table.data(), out.data(), out.count(),
                                           out.size(1), table.size(1)});
  }
  static void backward(Backend const& backend, View<Backend, TokenId const, 1> ids,
                       View<Backend, Element const, 2> grad_out,
                       View<Backend, Master, 2> grad_table) {
    cuda::launch(backend.context(), "embedding_backward", ids.size(0),
                 cuda::EmbeddingBackward<E>{ids.data(), grad_out.data(), grad_table.data(),
                                            ids.size(0), grad_out.size(1), grad_table.size(1)});
  }
};

ACCRETE_END_NAMESPACE
