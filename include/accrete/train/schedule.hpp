/// How the learning rate moves over the steps of a run.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include <accrete/core/index.hpp>
#include <accrete/core/name_table.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The factor on the learning rate at step s, counted from 0: (s + 1) / warmup_steps during the warm-up; then, with
/// x = (s - warmup_steps) / (steps - warmup_steps) clamped to [0,1] and f = final_factor,
///   constant: 1;   linear: 1 - (1 - f) x;   cosine: f + (1 - f) (1 + cos(pi x)) / 2.
struct Schedule {
  enum class Shape { constant, linear, cosine };
  Shape shape = Shape::cosine;
  Index warmup_steps = 0;
  Index steps = 1000;
  double final_factor = 0.1;

  [[nodiscard]] double factor(Index step) const {
    if (step < warmup_steps)
      return static_cast<double>(step + 1) / static_cast<double>(warmup_steps);
    double const length = static_cast<double>(std::max<Index>(steps - warmup_steps, 1));
    double const x = std::clamp(static_cast<double>(step - warmup_steps) / length, 0.0, 1.0);
    switch (shape) {
      case Shape::linear:
        return 1 - (1 - final_factor) * x;
      case Shape::cosine:
        return final_factor + (1 - final_factor) * (1 + std::cos(std::numbers::pi * x)) / 2;
      case Shape::constant:
        break;
    }
    return 1;
  }
};

inline constexpr NameTable<Schedule::Shape, 3> schedule_shape_names{
    {{{Schedule::Shape::constant, "constant"},
      {Schedule::Shape::linear, "linear"},
      {Schedule::Shape::cosine, "cosine"}}}};

ACCRETE_END_NAMESPACE
