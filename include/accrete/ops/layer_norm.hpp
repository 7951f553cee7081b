/// Layer normalisation of rows (Ba, Kiros, Hinton, arXiv 1607.06450).
#pragma once

#include <accrete/concepts/backend.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The backend's part of the operation; each backend specialises it in
/// `backend/<name>/layer_norm.hpp`.
template <class Backend>
struct LayerNormKernel;

template <class Backend>
concept HasLayerNorm = ComputeBackend<Backend> &&
    requires(Backend const& backend, View<Backend, Element const, 2> in,
             View<Backend, Element const, 1> vector, View<Backend, Element, 2> out,
             View<Backend, Statistic, 1> statistic, View<Backend, Statistic const, 1> kept,
             View<Backend, Master, 1> gradient) {
  LayerNormKernel<Backend>::forward(backend, in, vector, vector, out, statistic, statistic, 1.0);
  LayerNormKernel<Backend>::backward(backend, in, in, vector, kept, kept, out, gradient, gradient);
};

/// out[n,:] = (x[n,:] - mean(x[n,:])) * rstd[n] * weight + bias, with rstd = 1 / sqrt(variance +
/// epsilon) and the variance over C, not C - 1.
///
/// PyTorch: `torch.nn.functional.layer_norm(x, (C,), weight, bias, eps=epsilon)`.
/// `mean` and `rstd` are kept for `layer_norm_backward`.
template <HasLayerNorm Backend>
void layer_norm_forward(Backend const& backend, View<Backend, Element const, 2> x,  // (N,C)
                        View<Backend, Element const, 1> weight,                     // (C)
                        View<Backend, Element const, 1> bias,                       // (C)
                        View<Backend, Element, 2> out,                              // (N,C)
                        View<Backend, Statistic, 1> mean,                           // (N)
                        View<Backend, Statistic, 1> rstd,                           // (N)
                        double epsilon) {
  check_sizes("layer_norm_forward", "weight", weight, {x.size(1)});
  check_sizes("layer_norm_forward", "bias", bias, {x.size(1)});
  check_sizes("layer_norm_forward", "out", out, x.sizes());
  check_sizes("layer_norm_forward", "mean", mean, {x.size(0)});
  check_sizes("layer_norm_forward", "rstd", rstd, {x.size(0)});
  LayerNormKernel<Backend>::forward(backend, x, weight, bias, out, mean, rstd, epsilon);
}

/// With xhat = (x - mean) * rstd and g = grad_out * weight:
/// grad_x[n,:] = rstd[n] * (g - mean(g) - xhat * mean(g * xhat)); grad_weight += sum_n grad_out *
/// xhat; grad_bias += sum_n grad_out. Empty grad_weight and grad_bias mean that the norm is frozen.
template <HasLayerNorm Backend>
void layer_norm_backward(Backend const& backend, View<Backend, Element const, 2> grad_out,  // (N,C)
                         View<Backend, Element const, 2> x,                                 // (N,C)
                         View<Backend, Element const, 1> weight,                            // (C)
                         View<Backend, Statistic const, 1> mean,                            // (N)
                         View<Backend, Statistic const, 1> rstd,                            // (N)
                         View<Backend, Element, 2> grad_x,                                  // (N,C)
                         View<Backend, Master, 1> grad_weight,  // (C) or empty
                         View<Backend, Master, 1> grad_bias) {  // (C) or empty
  check_sizes("layer_norm_backward", "grad_out", grad_out, x.sizes());
  check_sizes("layer_norm_backward", "weight", weight, {x.size(1)});
  check_sizes("layer_norm_backward", "mean", mean, {x.size(0)});
  check_sizes("layer_norm_backward", "rstd", rstd, {x.size(0)});
  check_sizes("layer_norm_backward", "grad_x", grad_x, x.sizes());
  check_optional_sizes("layer_norm_backward", "grad_weight", grad_weight, {x.size(1)});
  check_optional_sizes("layer_norm_backward", "grad_bias", grad_bias, {x.size(1)});
  LayerNormKernel<Backend>::backward(backend, grad_out, x, weight, mean, rstd, grad_x, grad_weight,
                                     grad_bias);
}

ACCRETE_END_NAMESPACE
