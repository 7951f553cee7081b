/// A linear map of a few rows, as decoding has them, together with what stands around it: a norm before it, an activation
/// and a residual sum after it. Where rows are few, reading the weights is nearly all there is to do.
#pragma once

#include <concepts>
#include <cstdint>

#include <accrete/concepts/backend.hpp>

ACCRETE_BEGIN_NAMESPACE

enum class RowNormKind : std::uint8_t { none, layer_norm, rms_norm };

/// What is done to each row before the map: nothing, `layer_norm_forward` or `rms_norm_forward`.
template <ComputeBackend Backend>
struct RowNorm {
  RowNormKind kind = RowNormKind::none;
  View<Backend, Element const, 1> weight{};  // (I)
  View<Backend, Element const, 1> bias{};    // (I), of a layer norm alone
  double epsilon = 0;
};

/// What is done to each row after the map: nothing, `gelu_forward` or `swiglu_forward`.
enum class RowActivation : std::uint8_t { none, gelu, swiglu };

/// What stands around a map. The default is `linear_forward`.
template <ComputeBackend Backend>
struct LinearSurroundings {
  RowNorm<Backend> norm{};
  RowActivation activation = RowActivation::none;
  View<Backend, Element const, 2> residual{};  // (N,O) or empty; may be `out` itself
  double scale = 1.0;                          ///< of the map, with its bias
};

/// The backend's part of the operation; each backend that has it specialises it in `backend/<name>/fused_linear.hpp`.
/// `takes` says whether it is to be used for so many rows: only then may the operation be called.
template <class Backend>
struct FusedLinearKernel;

template <class Backend>
concept HasFusedLinear = ComputeBackend<Backend> &&
    requires(Backend const& backend, Index rows, View<Backend, Element const, 2> in,
             View<Backend, Element const, 1> vector, View<Backend, Element, 2> out,
             LinearSurroundings<Backend> const& around) {
  { FusedLinearKernel<Backend>::takes(backend, rows) } -> std::same_as<bool>;
  FusedLinearKernel<Backend>::forward(backend, in, in, vector, out, around);
};

/// out = residual + activation(scale * (norm(x) W^T + bias)), in one pass over the weights. Below, k is 2 for SwiGLU, whose
/// gate's rows of W stand above those of its other factor, and else 1. Results between the parts are not rounded to
/// elements, but for norm(x). `out` must not be `x`.
///
/// PyTorch: `residual + gelu(linear(layer_norm(x), weight, bias))`, for instance.
template <HasFusedLinear Backend>
void fused_linear_forward(Backend const& backend, View<Backend, Element const, 2> x,  // (N,I)
                          View<Backend, Element const, 2> weight,                     // (k O,I)
                          View<Backend, Element const, 1> bias,  // (k O) or empty
                          View<Backend, Element, 2> out,         // (N,O)
                          LinearSurroundings<Backend> const& around = {}) {
  constexpr char const* operation = "fused_linear_forward";
  Index const rows = x.size(0), inputs = x.size(1);
  Index const maps = (around.activation == RowActivation::swiglu ? 2 : 1) * out.size(1);
  if (!FusedLinearKernel<Backend>::takes(backend, rows))
    throw ShapeError(message(operation, ": the backend does not take ", rows, " rows"));
  check_sizes(operation, "weight", weight, {maps, inputs});
  check_optional_sizes(operation, "bias", bias, {maps});
  check_sizes(operation, "out", out, {rows, out.size(1)});
  check_optional_sizes(operation, "residual", around.residual, out.sizes());
  if (around.norm.kind != RowNormKind::none)
    check_sizes(operation, "weight of the norm", around.norm.weight, {inputs});
  if (around.norm.kind == RowNormKind::layer_norm)
    check_sizes(operation, "bias of the norm", around.norm.bias, {inputs});
  FusedLinearKernel<Backend>::forward(backend, x, weight, bias, out, around);
}

ACCRETE_END_NAMESPACE
