/// What the numbers say: the claims of the demo, whether they hold or not.
#pragma once

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "demo_result.hpp"

namespace demo {

namespace detail {
[[nodiscard]] inline ModelFacts const& model_called(DemoResult const& result,
                                                    std::string const& name) {
  auto const found = std::find_if(result.models.begin(), result.models.end(),
                                  [&](auto const& model) { return model.name == name; });
  if (found == result.models.end()) throw accrete::ValueError("demo: no model is called " + name);
  return *found;
}
}  // namespace detail

/// In this order: the merge against its experts, growth stage by stage, tuned heads, and the merge against the union.
[[nodiscard]] inline std::vector<Claim> find_claims(DemoResult const& result) {
  std::vector<Claim> claims;
  double const merged = mean_bits(detail::model_called(result, "merged"));
  double const tuned = mean_bits(detail::model_called(result, "merged+head"));
  double const together = mean_bits(detail::model_called(result, "union"));

  Claim merge{
      .claim =
          "The merge's mean bits per character over all languages is better than either expert's",
      .holds = true,
      .numbers = {{"merged", merged}}};
  for (ModelFacts const& model : result.models)
    if (model.expert) {
      merge.numbers.emplace_back(model.name, mean_bits(model));
      merge.holds = merge.holds && merged < mean_bits(model);
    }
  claims.push_back(std::move(merge));

  Claim growth{.claim = "Each growth stage ends with a lower validation loss than the one before",
               .holds = true};
  double before = std::numeric_limits<double>::infinity();
  std::string model;
  for (GrowthStage const& stage : result.growth) {
    if (stage.model != model) before = std::numeric_limits<double>::infinity();
    model = stage.model;
    growth.holds = growth.holds && stage.validation_loss < before;
    before = stage.validation_loss;
    growth.numbers.emplace_back(stage.model + ", " + std::to_string(stage.depth) + " blocks",
                                stage.validation_loss);
  }
  claims.push_back(std::move(growth));

  claims.push_back({.claim = "A short fine-tuning of the heads improves the merge",
                    .holds = tuned < merged,
                    .numbers = {{"merged", merged}, {"merged+head", tuned}}});
  claims.push_back(
      {.claim =
           "The merge with tuned heads costs nothing against one model trained on the union of the "
           "text with as many tokens and about as many parameters",
       .holds = tuned <= together,
       .numbers = {{"merged", merged},
                   {"merged+head", tuned},
                   {"union", together},
                   {"cost of the merge", merged - together},
                   {"cost of the merge with tuned heads", tuned - together}}});
  return claims;
}

}  // namespace demo
