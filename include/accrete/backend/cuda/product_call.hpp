/// What a matrix product is asked for.
#pragma once

#include <accrete/backend/cuda/plain_product.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

/// out[m,n] = alpha * sum_k a[m,k] b[k,n] + beta * out[m,n], row-major, and at most one epilogue: `bias` is added to each
/// row of `out`, or the sums of a's rows are stored.
template <class T, class Out>
struct ProductCall {
  Index rows = 0, columns = 0, inner = 0;  // M, N, K
  Operand<T> a{}, b{};                     // (M,K), (K,N)
  Out const* bias = nullptr;               // (N) or null
  Out* row_sums = nullptr;                 // (M) or null: sum_k a[m,k]
  Out* out = nullptr;                      // (M,N)
  Index out_stride = 0;
  double alpha = 1, beta = 0;
};

ACCRETE_END_CUDA_NAMESPACE
