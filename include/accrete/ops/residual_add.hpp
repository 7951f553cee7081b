/// The sum of a residual stream and what a part adds to it. Its gradient is the identity for both.
#pragma once

#include <accrete/concepts/backend.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The backend's part of the operation; each backend specialises it in
/// `backend/<name>/residual_add.hpp`.
template <class Backend>
struct ResidualAddKernel;

template <class Backend>
concept HasResidualAdd = ComputeBackend<Backend> &&
    requires(Backend const& backend, View<Backend, Element const, 2> in,
             View<Backend, Element, 2> out) {
  ResidualAddKernel<Backend>::forward(backend, in, in, out);
};

/// out = x + y. `out` may be `x` or `y` itself. Backward: grad_x = grad_y = grad_out, and where
/// both paths come together again this same operation adds their gradients.
template <HasResidualAdd Backend>
void residual_add(Backend const& backend, View<Backend, Element const, 2> x,  // (N,C)
                  View<Backend, Element const, 2> y,                          // (N,C)
                  View<Backend, Element, 2> out) {                            // (N,C)
  check_sizes("residual_add", "y", y, x.sizes());
  check_sizes("residual_add", "out", out, x.sizes());
  ResidualAddKernel<Backend>::forward(backend, x, y, out);
}

ACCRETE_END_NAMESPACE
