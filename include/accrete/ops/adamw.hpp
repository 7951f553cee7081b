/// One step of AdamW (Loshchilov, Hutter, arXiv 1711.05101) over a run of parameters.
#pragma once

#include <optional>
#include <span>
#include <type_traits>

#include <accrete/concepts/backend.hpp>
#include <accrete/core/bfloat16.hpp>
#include <accrete/core/random.hpp>

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
  /// Where products read a rounded copy of the parameters: the seed of random numbers that round it, so that it is the
  /// parameter on average; without one it is rounded to the nearest.
  std::optional<std::uint64_t> rounding_seed{};
  std::uint64_t stream = 0;  ///< of those random numbers, where there is one run alone
};

/// The parameters [begin, end) of a segment, and what of a step is their own.
struct AdamWRun {
  Index begin = 0, end = 0;
  double weight_decay = 0.0;
  Index step = 1;
  std::uint64_t stream = 0;  ///< of the random numbers that round them
};

/// What products read of parameter `i` of a run that is rounded at random.
template <class E, class T>
[[nodiscard]] ACCRETE_HOST_DEVICE E rounded_at_random(T value, std::uint64_t seed,
                                                      std::uint64_t stream, Index i) {
  if constexpr (std::is_same_v<E, bfloat16>)
    return bfloat16::at_random(
        static_cast<float>(value),
        static_cast<std::uint16_t>(random_word(seed, stream, static_cast<std::uint64_t>(i)) >> 16));
  else
    return static_cast<E>(value);
}

/// The backend's part of the operation; each backend specialises it in `backend/<name>/adamw.hpp`.
template <class Backend>
struct AdamWKernel;

template <class Backend>
concept HasAdamW = ComputeBackend<Backend> &&
    requires(Backend const& backend, View<Backend, Master, 1> master,
             View<Backend, Element, 1> element, View<Backend, Master const, 1> gradient) {
  AdamWKernel<Backend>::step(backend, master, element, gradient, master, master, AdamWStep{});
};

/// Backends that step all runs of a segment at once.
template <class Backend>
concept StepsRunsAtOnce = HasAdamW<Backend> &&
    requires(Backend const& backend, View<Backend, Master, 1> master,
             View<Backend, Element, 1> element, View<Backend, Master const, 1> gradient,
             std::span<AdamWRun const> runs) {
  AdamWKernel<Backend>::step_runs(backend, master, element, gradient, master, master, AdamWStep{},
                                  runs);
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

/// The same for each of `runs`, which ascend and do not overlap, with `weight_decay` and `step` of its own; what lies
/// between them stays as it is. The bits are those of one call for each.
template <HasAdamW Backend>
void adamw_step(Backend const& backend, View<Backend, Master, 1> master,  // (n)
                View<Backend, Element, 1> element,                        // (n)
                View<Backend, Master const, 1> gradient,                  // (n)
                View<Backend, Master, 1> first_moment,                    // (n)
                View<Backend, Master, 1> second_moment,                   // (n)
                AdamWStep const& shared, std::span<AdamWRun const> runs) {
  check_sizes("adamw_step", "element", element, master.sizes());
  check_sizes("adamw_step", "gradient", gradient, master.sizes());
  check_sizes("adamw_step", "first_moment", first_moment, master.sizes());
  check_sizes("adamw_step", "second_moment", second_moment, master.sizes());
  Index last = 0;
  for (AdamWRun const& run : runs) {
    if (run.begin < last || run.end < run.begin || run.end > master.size(0))
      throw ShapeError(message("adamw_step: a run from ", run.begin, " to ", run.end,
                               " cannot follow ", last, " of ", master.size(0), " parameters"));
    last = run.end;
  }
  if constexpr (StepsRunsAtOnce<Backend>) {
    AdamWKernel<Backend>::step_runs(backend, master, element, gradient, first_moment, second_moment,
                                    shared, runs);
  } else {
    for (AdamWRun const& run : runs) {
      AdamWStep own = shared;
      own.weight_decay = run.weight_decay;
      own.step = run.step;
      own.stream = run.stream;
      auto const part = [&](auto values) { return values.slice(run.begin, run.end); };
      AdamWKernel<Backend>::step(backend, part(master), part(element), part(gradient),
                                 part(first_moment), part(second_moment), own);
    }
  }
}

ACCRETE_END_NAMESPACE
