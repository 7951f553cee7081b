/// One step of AdamW (Loshchilov, Hutter, arXiv 1711.05101) over a run of parameters.
#pragma once

#include <accrete/concepts/backend.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Numbers of one step; `step` counts from 1.
struct AdamWStep {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double weight_decay = 0.0;
  double gradient_scale = 1.0;  ///< multiplies every gradient (clipping)
  Index step = 1;
};

/// The backend's part of the operation; each backend specialises it in `backend/<name>/adamw.hpp`.
template <class Backend>
struct AdamWKernel;

template <class Backend>
concept HasAdamW = ComputeBackend<Backend> &&
    requires(Backend const& backend, View<Backend, Master, 1> master,
             View<Backend, Element, 1> element, View<Backend, Master const, 1> gradient) {
  AdamWKernel<Backend>::step(backend, master, element, gradient, master, master, AdamWStep{});
};

/// With g = gradient_scale * gradient:
/// m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;  p = p (1 - learning_rate *
/// weight_decay); p -= learning_rate * (m / (1 - beta1^step)) / (sqrt(v / (1 - beta2^step)) +
/// epsilon).
///
/// PyTorch: `torch.optim.AdamW`. `element` is the rounded copy that products read; where Element is
/// Master it is `master` itself.
template <HasAdamW Backend>
void adamw_step(Backend const& backend, View<Backend, Master, 1> master,  // (n)
                View<Backend, Element, 1> element,                        // (n)
                View<Backend, Master const, 1> gradient,                  // (n)
                View<Backend, Master, 1> first_moment,                    // (n)
                View<Backend, Master, 1> second_moment,                   // (n)
                AdamWStep const& step) {
  check_sizes("adamw_step", "element", element, master.sizes());
  check_sizes("adamw_step", "gradient", gradient, master.sizes());
  check_sizes("adamw_step", "first_moment", first_moment, master.sizes());
  check_sizes("adamw_step", "second_moment", second_moment, master.sizes());
  AdamWKernel<Backend>::step(backend, master, element, gradient, first_moment, second_moment, step);
}

ACCRETE_END_NAMESPACE
