/// The sum of squares of a run of gradients, for clipping and for finding what is not finite.
#pragma once

#include <accrete/concepts/backend.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The backend's part of the operation; each backend specialises it in
/// `backend/<name>/squared_norm.hpp`.
template <class Backend>
struct SquaredNormKernel;

template <class Backend>
concept HasSquaredNorm = ComputeBackend<Backend> &&
    requires(Backend const& backend, View<Backend, Master const, 1> x) {
  { SquaredNormKernel<Backend>::squared_norm(backend, x) } -> std::same_as<double>;
};

/// sum_i x[i]^2 in double. Blocks of `squared_norm_block` values are summed by themselves, then the
/// blocks in order, so that the result does not depend on threads. Not finite if any value is not.
///
/// PyTorch: `x.double().pow(2).sum()`.
template <HasSquaredNorm Backend>
[[nodiscard]] double squared_norm(Backend const& backend,
                                  View<Backend, Master const, 1> x) {  // (n)
  return SquaredNormKernel<Backend>::squared_norm(backend, x);
}

inline constexpr Index squared_norm_block = 16384;

ACCRETE_END_NAMESPACE
