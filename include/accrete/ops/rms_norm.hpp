/// Root-mean-square normalisation of rows (Zhang, Sennrich, arXiv 1910.07467).
#pragma once

#include <accrete/concepts/backend.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The backend's part of the operation; each backend specialises it in
/// `backend/<name>/rms_norm.hpp`.
template <class Backend>
struct RmsNormKernel;

template <class Backend>
concept HasRmsNorm = ComputeBackend<Backend> &&
    requires(Backend const& backend, View<Backend, Element const, 2> in,
             View<Backend, Element const, 1> vector, View<Backend, Element, 2> out,
             View<Backend, Statistic, 1> statistic, View<Backend, Statistic const, 1> kept,
             View<Backend, Master, 1> gradient) {
  RmsNormKernel<Backend>::forward(backend, in, vector, out, statistic, 1.0);
  RmsNormKernel<Backend>::backward(backend, in, in, vector, kept, out, gradient);
};

/// out[n,:] = x[n,:] * rstd[n] * weight, with rstd = 1 / sqrt(mean(x^2) + epsilon).
///
/// PyTorch: `torch.nn.functional.rms_norm(x, (C,), weight, eps=epsilon)`. `rstd` is kept for
/// `rms_norm_backward`.
template <HasRmsNorm Backend>
void rms_norm_forward(Backend const& backend, View<Backend, Element const, 2> x,  // (N,C)
                      View<Backend, Element const, 1> weight,                     // (C)
                      View<Backend, Element, 2> out,                              // (N,C)
                      View<Backend, Statistic, 1> rstd,                           // (N)
                      double epsilon) {
  check_sizes("rms_norm_forward", "weight", weight, {x.size(1)});
  check_sizes("rms_norm_forward", "out", out, x.sizes());
  check_sizes("rms_norm_forward", "rstd", rstd, {x.size(0)});
  RmsNormKernel<Backend>::forward(backend, x, weight, out, rstd, epsilon);
}

/// With xhat = x * rstd and g = grad_out * weight: grad_x[n,:] = rstd[n] * (g - xhat * mean(g *
/// xhat)); grad_weight += sum_n grad_out * xhat. An empty grad_weight means that the norm is
/// frozen.
template <HasRmsNorm Backend>
void rms_norm_backward(Backend const& backend, View<Backend, Element const, 2> grad_out,  // (N,C)
                       View<Backend, Element const, 2> x,                                 // (N,C)
                       View<Backend, Element const, 1> weight,                            // (C)
                       View<Backend, Statistic const, 1> rstd,                            // (N)
                       View<Backend, Element, 2> grad_x,                                  // (N,C)
                       View<Backend, Master, 1> grad_weight) {  // (C) or empty
  check_sizes("rms_norm_backward", "grad_out", grad_out, x.sizes());
  check_sizes("rms_norm_backward", "weight", weight, {x.size(1)});
  check_sizes("rms_norm_backward", "rstd", rstd, {x.size(0)});
  check_sizes("rms_norm_backward", "grad_x", grad_x, x.sizes());
  check_optional_sizes("rms_norm_backward", "grad_weight", grad_weight, {x.size(1)});
  RmsNormKernel<Backend>::backward(backend, grad_out, x, weight, rstd, grad_x, grad_weight);
}

ACCRETE_END_NAMESPACE
