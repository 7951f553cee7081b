/// Which steps a trainer takes: never one whose numbers are not finite, and none whose loss jumps, if a rule says so.
#pragma once

#include <algorithm>
#include <cmath>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/io/json.hpp>

ACCRETE_BEGIN_NAMESPACE

/// What follows from a step that must not be taken.
enum class BadStep {
  stop,  ///< NumericError
  skip,  ///< its batches are left out, and the next ones take their place
  /// The run goes back to its last checkpoint, but not its data: weights, moments, counts of steps and tokens, and the
  /// guard's own memory become those of the checkpoint, and training goes on with the batches after those of the bad
  /// step. So all batches since the checkpoint are left out. (What Chowdhery et al. 2022, PaLM, 5.1, did by hand.)
  roll_back,
};

/// A loss is a spike where it exceeds m + deviations * s, with m and s the mean and the standard deviation of the losses
/// of the steps taken so far, a step k back weighing (1 - 1 / memory)^k. The first `memory` steps are all taken.
struct LossSpikeRule {
  double deviations = 0;  ///< 0 turns the rule off
  Index memory = 100;     ///< steps
};

struct StepGuardOptions {
  BadStep policy = BadStep::stop;
  Index most_skipped = 3;     ///< in a row; one more is a NumericError
  Index most_roll_backs = 3;  ///< in the whole training; one more is a NumericError
  LossSpikeRule spikes{};
};

/// Judges step after step. All that it remembers is in `state`, so that a resumed run decides as one without interruption.
class StepGuard {
 public:
  /// Throws ValueError for settings that cannot be meant.
  explicit StepGuard(StepGuardOptions const& options = {}) : options_(options) {
    if (options_.most_skipped < 0 || options_.most_roll_backs < 0 ||
        !(options_.spikes.deviations >= 0) || options_.spikes.memory < 2)
      throw ValueError(
          message("step guard: most_skipped, most_roll_backs and deviations must not be negative "
                  "and memory at least 2, got ",
                  options_.most_skipped, ", ", options_.most_roll_backs, ", ",
                  options_.spikes.deviations, " and ", options_.spikes.memory));
  }

  [[nodiscard]] StepGuardOptions const& options() const { return options_; }

  /// Whether `loss` (nats) is a spike.
  [[nodiscard]] bool is_spike(double loss) const {
    return options_.spikes.deviations > 0 && steps_ >= options_.spikes.memory &&
           loss > mean_ + options_.spikes.deviations * std::sqrt(variance_);
  }

  /// A step with this loss has been taken. West's update of exponentially weighted moments: with w the new loss's weight,
  /// d = loss - m: m += w d, s^2 = (1 - w) (s^2 + w d^2). Until `memory` steps are taken, w = 1 / steps: plain means.
  void take(double loss) {
    ++steps_;
    double const weight = 1.0 / static_cast<double>(std::min(steps_, options_.spikes.memory));
    double const difference = loss - mean_;
    mean_ += weight * difference;
    variance_ = (1 - weight) * (variance_ + weight * difference * difference);
  }

  /// How often this training has gone back to a checkpoint.
  [[nodiscard]] Index roll_backs() const { return roll_backs_; }
  void count_roll_backs(Index roll_backs) { roll_backs_ = roll_backs; }

  [[nodiscard]] Json state() const {
    return Json::object(
        {{"steps", steps_}, {"mean", mean_}, {"variance", variance_}, {"roll_backs", roll_backs_}});
  }
  /// Throws ValueError for a state that no guard can have.
  void restore(Json const& state) {
    Index const steps = state.at("steps").as_int();
    double const mean = state.at("mean").as_double(), variance = state.at("variance").as_double();
    Json const* const saved = state.find("roll_backs");
    Index const roll_backs = saved == nullptr ? 0 : saved->as_int();
    if (steps < 0 || !(variance >= 0) || roll_backs < 0)
      throw ValueError(message("step guard: ", steps, " steps, a variance of ", variance, " and ",
                               roll_backs, " returns to a checkpoint cannot be"));
    steps_ = steps;
    mean_ = mean;
    variance_ = variance;
    roll_backs_ = roll_backs;
  }

 private:
  StepGuardOptions options_;
  Index steps_ = 0, roll_backs_ = 0;
  double mean_ = 0, variance_ = 0;
};

ACCRETE_END_NAMESPACE
