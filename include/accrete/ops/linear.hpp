/// Linear maps of rows: out = x W^T + b.
#pragma once

#include <accrete/concepts/backend.hpp>

ACCRETE_BEGIN_NAMESPACE

/// How a product meets what the output already holds.
struct LinearOptions {
  double scale = 1.0;       ///< out = scale * (x W^T + b)
  bool accumulate = false;  ///< out += instead of out =
};

/// The backend's part of the operation; each backend specialises it in `backend/<name>/linear.hpp`.
template <class Backend>
struct LinearKernel;

template <class Backend>
concept HasLinear = ComputeBackend<Backend> &&
    requires(Backend const& backend, View<Backend, Element const, 2> in,
             View<Backend, Element const, 1> vector, View<Backend, Element, 2> out,
             View<Backend, Master, 2> grad_weight, View<Backend, Master, 1> grad_bias) {
  LinearKernel<Backend>::forward(backend, in, in, vector, out, LinearOptions{});
  LinearKernel<Backend>::backward_input(backend, in, in, out, LinearOptions{});
  LinearKernel<Backend>::backward_parameters(backend, in, in, grad_weight, grad_bias, 1.0);
};

/// out[n,o] = scale * (sum_i x[n,i] * weight[o,i] + bias[o]), added to `out` where
/// `options.accumulate` says so.
///
/// PyTorch: `torch.nn.functional.linear(x, weight, bias)`. `bias` may be empty.
template <HasLinear Backend>
void linear_forward(Backend const& backend, View<Backend, Element const, 2> x,  // (N,I)
                    View<Backend, Element const, 2> weight,                     // (O,I)
                    View<Backend, Element const, 1> bias,                       // (O) or empty
                    View<Backend, Element, 2> out,                              // (N,O)
                    LinearOptions options = {}) {
  check_sizes("linear_forward", "weight", weight, {out.size(1), x.size(1)});
  check_optional_sizes("linear_forward", "bias", bias, {out.size(1)});
  check_sizes("linear_forward", "out", out, {x.size(0), weight.size(0)});
  LinearKernel<Backend>::forward(backend, x, weight, bias, out, options);
}

/// grad_x = scale * grad_out W; grad_weight += scale * grad_out^T x; grad_bias += scale * sum_n
/// grad_out[n,:].
///
/// An empty view means that this gradient is not wanted. `options.accumulate` adds to grad_x
/// instead of overwriting it.
template <HasLinear Backend>
void linear_backward(Backend const& backend, View<Backend, Element const, 2> grad_out,  // (N,O)
                     View<Backend, Element const, 2> x,                                 // (N,I)
                     View<Backend, Element const, 2> weight,                            // (O,I)
                     View<Backend, Element, 2> grad_x,      // (N,I) or empty
                     View<Backend, Master, 2> grad_weight,  // (O,I) or empty
                     View<Backend, Master, 1> grad_bias,    // (O) or empty
                     LinearOptions options = {}) {
  Index const outputs = weight.size(0);
  Index const inputs = weight.size(1);
  check_sizes("linear_backward", "grad_out", grad_out, {x.size(0), outputs});
  check_sizes("linear_backward", "x", x, {grad_out.size(0), inputs});
  check_optional_sizes("linear_backward", "grad_x", grad_x, {grad_out.size(0), inputs});
  check_optional_sizes("linear_backward", "grad_weight", grad_weight, {outputs, inputs});
  check_optional_sizes("linear_backward", "grad_bias", grad_bias, {outputs});
  if (!grad_x.empty())
    LinearKernel<Backend>::backward_input(backend, grad_out, weight, grad_x, options);
  if (!grad_weight.empty() || !grad_bias.empty())
    LinearKernel<Backend>::backward_parameters(backend, grad_out, x, grad_weight, grad_bias,
                                               options.scale);
}

ACCRETE_END_NAMESPACE
