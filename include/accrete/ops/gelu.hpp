/// The exact Gaussian error linear unit (Hendrycks, Gimpel, arXiv 1606.08415).
#pragma once

#include <accrete/concepts/backend.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The backend's part of the operation; each backend specialises it in `backend/<name>/gelu.hpp`.
template <class Backend>
struct GeluKernel;

template <class Backend>
concept HasGelu = ComputeBackend<Backend> &&
    requires(Backend const& backend, View<Backend, Element const, 2> in,
             View<Backend, Element, 2> out) {
  GeluKernel<Backend>::forward(backend, in, out);
  GeluKernel<Backend>::backward(backend, in, in, out);
};

/// out = x * Phi(x), with Phi(x) = (1 + erf(x / sqrt(2))) / 2.
///
/// PyTorch: `torch.nn.functional.gelu(x)`.
template <HasGelu Backend>
void gelu_forward(Backend const& backend, View<Backend, Element const, 2> x,  // (N,F)
                  View<Backend, Element, 2> out) {                            // (N,F)
  check_sizes("gelu_forward", "out", out, x.sizes());
  GeluKernel<Backend>::forward(backend, x, out);
}

/// grad_x = grad_out * (Phi(x) + x * exp(-x^2 / 2) / sqrt(2 pi)). `grad_x` may be `grad_out`
/// itself.
template <HasGelu Backend>
void gelu_backward(Backend const& backend, View<Backend, Element const, 2> grad_out,  // (N,F)
                   View<Backend, Element const, 2> x,                                 // (N,F)
                   View<Backend, Element, 2> grad_x) {                                // (N,F)
  check_sizes("gelu_backward", "grad_out", grad_out, x.sizes());
  check_sizes("gelu_backward", "grad_x", grad_x, x.sizes());
  GeluKernel<Backend>::backward(backend, grad_out, x, grad_x);
}

ACCRETE_END_NAMESPACE
