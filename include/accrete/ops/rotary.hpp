/// Rotary positions (Su et al., arXiv 2104.09864), in the halves convention.
#pragma once

#include <accrete/concepts/backend.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The backend's part of the operation; each backend specialises it in `backend/<name>/rotary.hpp`.
template <class Backend>
struct RotaryKernel;

template <class Backend>
concept HasRotary = ComputeBackend<Backend> &&
    requires(Backend const& backend, View<Backend, Element, 5> qkv) {
  RotaryKernel<Backend>::rotate(backend, qkv, Index{0}, 10000.0, 1);
};

/// Rotates queries and keys in place. With angle(t,i) = (first_position + t) * base^(-2i/D) for i <
/// D/2: (x[i], x[i+D/2]) -> (x[i] cos - x[i+D/2] sin, x[i+D/2] cos + x[i] sin). Values are not
/// touched.
///
/// PyTorch (transformers): `q * cos + rotate_half(q) * sin` with angles repeated as [f, f]. Angles
/// are computed in double. In place, because nothing reads the unrotated values again.
template <HasRotary Backend>
void rotary_forward(Backend const& backend, View<Backend, Element, 5> qkv,  // (B,T,3,H,D)
                    Index first_position, double base) {
  if (qkv.size(2) != 3 || qkv.size(4) % 2 != 0)
    throw ShapeError(message("rotary_forward: qkv must be (B,T,3,H,D) with even D, got axis 2 of ",
                             qkv.size(2), " and D of ", qkv.size(4)));
  RotaryKernel<Backend>::rotate(backend, qkv, first_position, base, 1);
}

/// Rotates the gradients of queries and keys back by the same angles, in place.
template <HasRotary Backend>
void rotary_backward(Backend const& backend, View<Backend, Element, 5> grad_qkv,  // (B,T,3,H,D)
                     Index first_position, double base) {
  if (grad_qkv.size(2) != 3 || grad_qkv.size(4) % 2 != 0)
    throw ShapeError(
        message("rotary_backward: grad_qkv must be (B,T,3,H,D) with even D, got axis 2 of ",
                grad_qkv.size(2), " and D of ", grad_qkv.size(4)));
  RotaryKernel<Backend>::rotate(backend, grad_qkv, first_position, base, -1);
}

ACCRETE_END_NAMESPACE
