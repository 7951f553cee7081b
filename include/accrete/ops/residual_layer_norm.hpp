/// A residual sum and the layer norm of it, in one pass where the backend has one.
#pragma once

#include <accrete/ops/layer_norm.hpp>
#include <accrete/ops/residual_add.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Backends whose layer norm takes the sum before it in, forward, and the sum after it, backward.
template <class Backend>
concept FusesLayerNorm = HasLayerNorm<Backend> &&
    requires(Backend const& backend, View<Backend, Element const, 2> in,
             View<Backend, Element const, 1> vector, View<Backend, Element, 2> out,
             View<Backend, Statistic, 1> statistic, View<Backend, Statistic const, 1> kept,
             View<Backend, Master, 1> gradient) {
  LayerNormKernel<Backend>::add_forward(backend, in, in, out, vector, vector, out, statistic,
                                        statistic, 1.0);
  LayerNormKernel<Backend>::add_backward(backend, in, in, vector, kept, kept, in, out, gradient,
                                         gradient);
};

/// sum = x + y; out = layer_norm(sum). `sum` may be `x` or `y` itself. The bits are those of `residual_add` and
/// `layer_norm_forward`.
template <HasLayerNorm Backend>
requires HasResidualAdd<Backend>
void residual_layer_norm_forward(Backend const& backend,
                                 View<Backend, Element const, 2> x,       // (N,C)
                                 View<Backend, Element const, 2> y,       // (N,C)
                                 View<Backend, Element, 2> sum,           // (N,C)
                                 View<Backend, Element const, 1> weight,  // (C)
                                 View<Backend, Element const, 1> bias,    // (C)
                                 View<Backend, Element, 2> out,           // (N,C)
                                 View<Backend, Statistic, 1> mean,        // (N)
                                 View<Backend, Statistic, 1> rstd,        // (N)
                                 double epsilon) {
  if constexpr (FusesLayerNorm<Backend>) {
    check_sizes("residual_layer_norm_forward", "y", y, x.sizes());
    check_sizes("residual_layer_norm_forward", "sum", sum, x.sizes());
    check_sizes("residual_layer_norm_forward", "weight", weight, {x.size(1)});
    check_sizes("residual_layer_norm_forward", "bias", bias, {x.size(1)});
    check_sizes("residual_layer_norm_forward", "out", out, x.sizes());
    check_sizes("residual_layer_norm_forward", "mean", mean, {x.size(0)});
    check_sizes("residual_layer_norm_forward", "rstd", rstd, {x.size(0)});
    LayerNormKernel<Backend>::add_forward(backend, x, y, sum, weight, bias, out, mean, rstd,
                                          epsilon);
  } else {
    residual_add(backend, x, y, sum);
    layer_norm_forward<Backend>(backend, sum, weight, bias, out, mean, rstd, epsilon);
  }
}

/// grad_x = skipped + what layer_norm_backward says: where a norm's input goes on beside it, too, `skipped` is the
/// gradient of that path. The two calls round once more where elements are narrower than statistics. `grad_x` must not
/// be `skipped`.
template <HasLayerNorm Backend>
requires HasResidualAdd<Backend>
void residual_layer_norm_backward(Backend const& backend,
                                  View<Backend, Element const, 2> grad_out,  // (N,C)
                                  View<Backend, Element const, 2> x,         // (N,C)
                                  View<Backend, Element const, 1> weight,    // (C)
                                  View<Backend, Statistic const, 1> mean,    // (N)
                                  View<Backend, Statistic const, 1> rstd,    // (N)
                                  View<Backend, Element const, 2> skipped,   // (N,C)
                                  View<Backend, Element, 2> grad_x,          // (N,C)
                                  View<Backend, Master, 1> grad_weight,      // (C) or empty
                                  View<Backend, Master, 1> grad_bias) {      // (C) or empty
  if constexpr (FusesLayerNorm<Backend>) {
    check_sizes("residual_layer_norm_backward", "grad_out", grad_out, x.sizes());
    check_sizes("residual_layer_norm_backward", "weight", weight, {x.size(1)});
    check_sizes("residual_layer_norm_backward", "mean", mean, {x.size(0)});
    check_sizes("residual_layer_norm_backward", "rstd", rstd, {x.size(0)});
    check_sizes("residual_layer_norm_backward", "skipped", skipped, x.sizes());
    check_sizes("residual_layer_norm_backward", "grad_x", grad_x, x.sizes());
    check_optional_sizes("residual_layer_norm_backward", "grad_weight", grad_weight, {x.size(1)});
    check_optional_sizes("residual_layer_norm_backward", "grad_bias", grad_bias, {x.size(1)});
    LayerNormKernel<Backend>::add_backward(backend, grad_out, x, weight, mean, rstd, skipped,
                                           grad_x, grad_weight, grad_bias);
  } else {
    layer_norm_backward(backend, grad_out, x, weight, mean, rstd, grad_x, grad_weight, grad_bias);
    residual_add<Backend>(backend, grad_x, skipped, grad_x);
  }
}

ACCRETE_END_NAMESPACE
