/// Rotary positions (Su et al., arXiv 2104.09864), in the halves convention.
#pragma once

#include <accrete/concepts/backend.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The backend's part of the operation; each backend specialises it in `backend/<name>/rotary.hpp`.
template <class Backend>
struct RotaryKernel;

template <class Backend>
concept HasRotary = ComputeBackend<Backend> &&
    requires(Backend const& backend, View<Backend, Element, 5> qkv,
             View<Backend, Index const, 1> positions) {
  RotaryKernel<Backend>::rotate(backend, qkv, positions, 10000.0, 1);
};

/// Rotates queries and keys in place. With angle(b,t,i) = (positions[b] + t) * base^(-2i/D) for i <
/// D/2: (x[i], x[i+D/2]) -> (x[i] cos - x[i+D/2] sin, x[i+D/2] cos + x[i] sin). Values are not
/// touched.
///
/// PyTorch (transformers): `q * cos + rotate_half(q) * sin` with angles repeated as [f, f]. Angles
/// are computed in double. In place, because nothing reads the unrotated values again.
template <HasRotary Backend>
void rotary_forward(Backend const& backend, View<Backend, Element, 5> qkv,  // (B,T,3,H,D)
                    View<Backend, Index const, 1> positions,                // (B) or empty
                    double base) {
  if (qkv.size(2) != 3 || qkv.size(4) % 2 != 0)
    throw ShapeError(message("rotary_forward: qkv must be (B,T,3,H,D) with even D, got axis 2 of ",
                             qkv.size(2), " and D of ", qkv.size(4)));
  check_optional_sizes("rotary_forward", "positions", positions, {qkv.size(0)});
  RotaryKernel<Backend>::rotate(backend, qkv, positions, base, 1);
}

/// Rotates the gradients of queries and keys back by the same angles, in place.
template <HasRotary Backend>
void rotary_backward(Backend const& backend, View<Backend, Element, 5> grad_qkv,  // (B,T,3,H,D)
                     View<Backend, Index const, 1> positions,                     // (B) or empty
                     double base) {
  if (grad_qkv.size(2) != 3 || grad_qkv.size(4) % 2 != 0)
    throw ShapeError(
        message("rotary_backward: grad_qkv must be (B,T,3,H,D) with even D, got axis 2 of ",
                grad_qkv.size(2), " and D of ", grad_qkv.size(4)));
  check_optional_sizes("rotary_backward", "positions", positions, {grad_qkv.size(0)});
  RotaryKernel<Backend>::rotate(backend, grad_qkv, positions, base, -1);
}

ACCRETE_END_NAMESPACE
