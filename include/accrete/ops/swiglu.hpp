/// The gated unit SwiGLU (Shazeer, arXiv 2002.05202).
#pragma once

#include <accrete/concepts/backend.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The backend's part of the operation; each backend specialises it in `backend/<name>/swiglu.hpp`.
template <class Backend>
struct SwigluKernel;

template <class Backend>
concept HasSwiglu = ComputeBackend<Backend> &&
    requires(Backend const& backend, View<Backend, Element const, 2> in,
             View<Backend, Element, 2> out) {
  SwigluKernel<Backend>::forward(backend, in, out);
  SwigluKernel<Backend>::backward(backend, in, in, out);
};

/// out[n,f] = silu(gate) * up, with gate = x[n,f], up = x[n,F+f] and silu(v) = v / (1 + exp(-v)).
///
/// PyTorch: `gate, up = x.chunk(2, dim=-1); torch.nn.functional.silu(gate) * up`.
template <HasSwiglu Backend>
void swiglu_forward(Backend const& backend, View<Backend, Element const, 2> x,  // (N,2F)
                    View<Backend, Element, 2> out) {                            // (N,F)
  check_sizes("swiglu_forward", "x", x, {out.size(0), 2 * out.size(1)});
  SwigluKernel<Backend>::forward(backend, x, out);
}

/// With s = 1 / (1 + exp(-gate)): grad_gate = grad_out * up * s * (1 + gate * (1 - s)); grad_up =
/// grad_out * gate * s.
template <HasSwiglu Backend>
void swiglu_backward(Backend const& backend, View<Backend, Element const, 2> grad_out,  // (N,F)
                     View<Backend, Element const, 2> x,                                 // (N,2F)
                     View<Backend, Element, 2> grad_x) {                                // (N,2F)
  check_sizes("swiglu_backward", "x", x, {grad_out.size(0), 2 * grad_out.size(1)});
  check_sizes("swiglu_backward", "grad_x", grad_x, x.sizes());
  SwigluKernel<Backend>::backward(backend, grad_out, x, grad_x);
}

ACCRETE_END_NAMESPACE
