/// A product without tensor cores, for what cuBLASLt refuses.
#pragma once

#include <accrete/backend/cuda/numbers.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

/// One row-major matrix of a product, perhaps transposed.
template <class T>
struct Operand {
  T const* data = nullptr;
  Index stride = 0;         ///< elements from one row to the next
  bool transposed = false;  ///< the product reads (j,i) where it says (i,j)

  ACCRETE_KERNEL Index place(Index i, Index j) const {
    return transposed ? j * stride + i : i * stride + j;
  }
};

/// out[m,n] = alpha * sum_k a[m,k] b[k,n] + beta * out[m,n], each sum in the order of k.
template <class T, class Out>
struct PlainProduct {
  static constexpr int threads = 256;
  Operand<T> a, b;
  Out* out;
  Index out_stride, rows, columns, inner;
  Compute<T> alpha, beta;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    using Real = Compute<T>;
    policy.for_each(rows * columns, [&](Index i) {
      Index const m = i / columns, n = i % columns;
      Real sum{0};
      for (Index k = 0; k < inner; ++k)
        sum += real(a.data[a.place(m, k)]) * real(b.data[b.place(k, n)]);
      Out& result = out[m * out_stride + n];
      Real value = alpha * sum;
      if (beta != Real{0}) value += beta * static_cast<Real>(real(result));
      result = static_cast<Out>(value);
    });
  }
};

ACCRETE_END_CUDA_NAMESPACE
