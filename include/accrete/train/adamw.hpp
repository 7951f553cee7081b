/// The optimizer's settings.
#pragma once

#include <optional>

#include <accrete/core/error.hpp>
#include <accrete/ops/adamw.hpp>

ACCRETE_BEGIN_NAMESPACE

/// AdamW with decay on matrices only (see Parameter::decays). Formula: ops/adamw.hpp.
struct AdamW {
  double learning_rate = 3e-4;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double weight_decay = 0.1;
  /// Seed of the random rounding of bfloat16 weights: products then read each weight as one of its two neighbours, drawn
  /// anew in every step so that the mean is the weight. None, the default, rounds to the nearest. Where products read
  /// the weights themselves, there is nothing to round. Numbers depend on the seed, the parameter's name, its step and
  /// its index alone: a run that goes on from a checkpoint draws the same.
  std::optional<std::uint64_t> rounding_seed{};

  /// Throws ValueError for settings that cannot be meant.
  void check() const {
    auto const require = [](bool holds, char const* what, double value) {
      if (!holds) throw ValueError(message("AdamW: ", what, ", got ", value));
    };
    require(learning_rate >= 0 && learning_rate < 1e6, "learning_rate must be 0 or more and finite",
            learning_rate);
    require(beta1 >= 0 && beta1 < 1, "beta1 must be in [0, 1)", beta1);
    require(beta2 >= 0 && beta2 < 1, "beta2 must be in [0, 1)", beta2);
    require(epsilon > 0, "epsilon must be positive", epsilon);
    require(weight_decay >= 0, "weight_decay must be 0 or more", weight_decay);
  }

  [[nodiscard]] AdamWStep step(Index number, double factor, double gradient_scale) const {
    return {.learning_rate = learning_rate * factor,
            .beta1 = beta1,
            .beta2 = beta2,
            .epsilon = epsilon,
            .weight_decay = weight_decay,
            .gradient_scale = gradient_scale,
            .step = number,
            .rounding_seed = rounding_seed};
  }
};

ACCRETE_END_NAMESPACE
