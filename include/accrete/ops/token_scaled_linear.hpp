/// Linear maps whose rows are scaled one by one, as a gate does that trusts an expert more for some tokens than for
/// others.
#pragma once

#include <accrete/ops/linear.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The backend's part of the operation; each backend specialises it in
/// `backend/<name>/token_scaled_linear.hpp`.
template <class Backend>
struct TokenScaledLinearKernel;

template <class Backend>
concept HasTokenScaledLinear = ComputeBackend<Backend> &&
    requires(Backend const& backend, View<Backend, Element const, 2> in,
             View<Backend, Statistic const, 1> token_scale, View<Backend, Element const, 1> bias,
             View<Backend, Element, 2> out, View<Backend, Statistic, 1> grad_token_scale,
             View<Backend, Master, 2> grad_weight, View<Backend, Master, 1> grad_bias) {
  TokenScaledLinearKernel<Backend>::forward(backend, in, token_scale, in, bias, out,
                                            LinearOptions{});
  TokenScaledLinearKernel<Backend>::backward(backend, in, in, token_scale, in, bias, out,
                                             grad_token_scale, grad_weight, grad_bias, 1.0);
};

/// out[n,o] = scale * token_scale[n] * (sum_i x[n,i] * weight[o,i] + bias[o]), added to `out` where
/// `options.accumulate` says so. `bias` may be empty.
///
/// PyTorch: `scale * token_scale[:, None] * F.linear(x, weight, bias)`.
template <HasTokenScaledLinear Backend>
void token_scaled_linear_forward(Backend const& backend,
                                 View<Backend, Element const, 2> x,              // (N,I)
                                 View<Backend, Statistic const, 1> token_scale,  // (N)
                                 View<Backend, Element const, 2> weight,         // (O,I)
                                 View<Backend, Element const, 1> bias,           // (O) or empty
                                 View<Backend, Element, 2> out,                  // (N,O)
                                 LinearOptions options = {}) {
  check_sizes("token_scaled_linear_forward", "token_scale", token_scale, {x.size(0)});
  check_sizes("token_scaled_linear_forward", "weight", weight, {out.size(1), x.size(1)});
  check_optional_sizes("token_scaled_linear_forward", "bias", bias, {out.size(1)});
  check_sizes("token_scaled_linear_forward", "out", out, {x.size(0), weight.size(0)});
  TokenScaledLinearKernel<Backend>::forward(backend, x, token_scale, weight, bias, out, options);
}

/// With g[n,:] = scale * token_scale[n] * grad_out[n,:]: grad_x = g W; grad_weight += g^T x; grad_bias += sum_n g[n,:];
/// grad_token_scale[n] += scale * grad_out[n,:] . (x[n,:] W^T + bias).
///
/// The gradient of the scales is added to, since several maps may share them. An empty view means that this gradient is
/// not wanted.
template <HasTokenScaledLinear Backend>
void token_scaled_linear_backward(Backend const& backend,
                                  View<Backend, Element const, 2> grad_out,       // (N,O)
                                  View<Backend, Element const, 2> x,              // (N,I)
                                  View<Backend, Statistic const, 1> token_scale,  // (N)
                                  View<Backend, Element const, 2> weight,         // (O,I)
                                  View<Backend, Element const, 1> bias,           // (O) or empty
                                  View<Backend, Element, 2> grad_x,               // (N,I) or empty
                                  View<Backend, Statistic, 1> grad_token_scale,   // (N) or empty
                                  View<Backend, Master, 2> grad_weight,           // (O,I) or empty
                                  View<Backend, Master, 1> grad_bias,             // (O) or empty
                                  double scale) {
  constexpr char const* operation = "token_scaled_linear_backward";
  Index const outputs = weight.size(0);
  Index const inputs = weight.size(1);
  check_sizes(operation, "grad_out", grad_out, {x.size(0), outputs});
  check_sizes(operation, "x", x, {grad_out.size(0), inputs});
  check_sizes(operation, "token_scale", token_scale, {x.size(0)});
  check_optional_sizes(operation, "bias", bias, {outputs});
  check_optional_sizes(operation, "grad_x", grad_x, {x.size(0), inputs});
  check_optional_sizes(operation, "grad_token_scale", grad_token_scale, {x.size(0)});
  check_optional_sizes(operation, "grad_weight", grad_weight, {outputs, inputs});
  check_optional_sizes(operation, "grad_bias", grad_bias, {outputs});
  TokenScaledLinearKernel<Backend>::backward(backend, grad_out, x, token_scale, weight, bias,
                                             grad_x, grad_token_scale, grad_weight, grad_bias,
                                             scale);
}

ACCRETE_END_NAMESPACE
