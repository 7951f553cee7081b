/// Setting a run of gradients to zero.
#pragma once

#include <accrete/concepts/backend.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The backend's part of the operation; each backend specialises it in `backend/<name>/fill_zero.hpp`.
template <class Backend>
struct FillZeroKernel;

template <class Backend>
concept HasFillZero = ComputeBackend<Backend> &&
    requires(Backend const& backend, View<Backend, Master, 1> x) {
  FillZeroKernel<Backend>::fill_zero(backend, x);
};

/// x[i] = 0.
template <HasFillZero Backend>
void fill_zero(Backend const& backend, View<Backend, Master, 1> x) {  // (n)
  FillZeroKernel<Backend>::fill_zero(backend, x);
}

ACCRETE_END_NAMESPACE
