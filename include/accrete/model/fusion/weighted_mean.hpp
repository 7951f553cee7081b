/// Experts that count unequally.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include <accrete/memory/transfer.hpp>
#include <accrete/model/fusion.hpp>

ACCRETE_BEGIN_NAMESPACE

/// logits = sum_e weights[e] * logits_e, with one number for each expert, given or found by `fit_weights`.
///
/// Weights are free: they are neither divided by their sum nor kept above 0. Their sum is the sharpness of the merged
/// distribution, which a mean gets wrong where experts are too sure or too unsure; a negative weight tells what to do
/// otherwise than a bad expert; and without bounds the best weights are the minimum of a smooth convex function. A sum
/// of zero is refused: it throws away all that the experts agree on.
///
/// The host reads each weight where a classifier is asked for; so a backend must compute with the numbers that it
/// stores, which those of bfloat16 do not.
struct WeightedMean {
  using Role = FusionRole;
  std::vector<double> weights{};  ///< one for each expert; none means 1 / E each

  template <ComputeBackend B>
  requires std::is_same_v<TypeOf<B, Element>, TypeOf<B, Master>>
  class Layer : public PlainFusion<B> {
   public:
    using State = typename PlainFusion<B>::State;
    /// The trainer leaves the weights alone: fit_weights finds the best ones.
    static constexpr bool trains_by_gradient = false;

    Layer(WeightedMean const& settings, FusionSizes const& sizes)
        : weights_({sizes.experts}, Initial::zeros()), start_(settings.weights) {
      auto const experts = static_cast<std::size_t>(sizes.experts);
      if (start_.empty()) start_.assign(experts, 1.0 / static_cast<double>(experts));
      check(start_);
    }

    template <class Self>
    static void visit_parameters(Self& self, auto&& visit) {
      visit("weights", self.weights_);
    }
    [[nodiscard]] Json describe() const { return Json("weighted mean of logits"); }
    [[nodiscard]] ExpertWeight<B> weight(State const&, Index expert) const {
      return {.scale = static_cast<double>(
                  host_copy(*backend_, weights_.view().slice(expert, expert + 1)).front())};
    }

    [[nodiscard]] std::vector<double> weights() const {
      auto const values = host_copy(*backend_, weights_.view());
      return {values.begin(), values.end()};
    }
    /// Throws ValueError for another number of weights than experts, for one that is not finite, and for a sum of zero.
    void set_weights(std::span<double const> weights) {
      using T = TypeOf<B, Element>;
      check(weights);
      fill_from_host(*backend_, weights_.values(), [&](std::span<T> values) {
        std::transform(weights.begin(), weights.end(), values.begin(),
                       [](double value) { return static_cast<T>(value); });
      });
    }
    /// Called once the parameters have memory of this backend.
    void start(B const& backend) {
      backend_ = backend;
      set_weights(start_);
    }

   private:
    void check(std::span<double const> weights) const {
      if (static_cast<Index>(weights.size()) != weights_.count())
        throw ValueError(message("weighted mean: expected ", weights_.count(),
                                 " weights, one for each expert, got ", weights.size()));
      double sum = 0, magnitude = 0;
      for (std::size_t e = 0; e < weights.size(); ++e) {
        if (!std::isfinite(weights[e]))
          throw ValueError(message("weighted mean: the weight of expert ", e,
                                   " must be a finite number, got ", weights[e]));
        sum += weights[e];
        magnitude += std::abs(weights[e]);
      }
      if (!(std::abs(sum) > 1e-9 * magnitude))
        throw ValueError(
            "weighted mean: the weights sum to zero, which throws away all that the experts agree "
            "on");
    }

    std::optional<B> backend_;
    Parameter<B, 1> weights_;  // (E)
    std::vector<double> start_;
  };
};

ACCRETE_END_NAMESPACE
