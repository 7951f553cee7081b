/// Rows times numbers of their own: one part of a weighted sum of logits.
#pragma once

#include <accrete/ops/linear.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The backend's part of the operation; each backend specialises it in
/// `backend/<name>/scaled_rows.hpp`.
template <class Backend>
struct ScaledRowsKernel;

template <class Backend>
concept HasScaledRows = ComputeBackend<Backend> &&
    requires(Backend const& backend, View<Backend, Element const, 2> in,
             View<Backend, Statistic const, 1> token_scale, View<Backend, Element, 2> out,
             View<Backend, Statistic, 1> grad_token_scale) {
  ScaledRowsKernel<Backend>::forward(backend, in, token_scale, out, LinearOptions{});
  ScaledRowsKernel<Backend>::backward(backend, in, token_scale, out, grad_token_scale, 1.0);
};

/// out[n,:] = scale * token_scale[n] * x[n,:], added to `out` where `options.accumulate` says so. An empty
/// `token_scale` stands for 1 in every row.
///
/// PyTorch: `scale * token_scale[:, None] * x`.
template <HasScaledRows Backend>
void scaled_rows_forward(Backend const& backend, View<Backend, Element const, 2> x,  // (N,C)
                         View<Backend, Statistic const, 1> token_scale,              // (N) or empty
                         View<Backend, Element, 2> out,                              // (N,C)
                         LinearOptions options = {}) {
  check_optional_sizes("scaled_rows_forward", "token_scale", token_scale, {x.size(0)});
  check_sizes("scaled_rows_forward", "out", out, x.sizes());
  ScaledRowsKernel<Backend>::forward(backend, x, token_scale, out, options);
}

/// In place: x[n,:] <- scale * token_scale[n] * grad_out[n,:], the gradient of x; before that,
/// grad_token_scale[n] += scale * grad_out[n,:] . x[n,:], unless it is empty.
template <HasScaledRows Backend>
void scaled_rows_backward(Backend const& backend,
                          View<Backend, Element const, 2> grad_out,       // (N,C)
                          View<Backend, Statistic const, 1> token_scale,  // (N) or empty
                          View<Backend, Element, 2> x,                    // (N,C)
                          View<Backend, Statistic, 1> grad_token_scale,   // (N) or empty
                          double scale) {
  check_optional_sizes("scaled_rows_backward", "token_scale", token_scale, {x.size(0)});
  check_sizes("scaled_rows_backward", "x", x, grad_out.sizes());
  check_optional_sizes("scaled_rows_backward", "grad_token_scale", grad_token_scale, {x.size(0)});
  ScaledRowsKernel<Backend>::backward(backend, grad_out, token_scale, x, grad_token_scale, scale);
}

ACCRETE_END_NAMESPACE
