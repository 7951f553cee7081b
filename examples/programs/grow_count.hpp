/// The parameters of every phase of a plan, counted without a model.
#pragma once

#include <accrete/train/parameter_table.hpp>
#include <string>

namespace grow_program {

/// "stage 2 of 3, 6 blocks"
[[nodiscard]] inline std::string phase_label(std::size_t stage, std::size_t stages,
                                             accrete::GrowthPhase phase, accrete::Index depth) {
  return accrete::message("stage ", stage + 1, " of ", stages,
                          phase == accrete::GrowthPhase::lora ? ", LoRA" : "", ", ", depth,
                          depth == 1 ? " block" : " blocks");
}

/// Calls f(stage, phase, depth, table, steps) for each phase.
template <class F>
void for_each_phase(accrete::GrowthPlan const& plan, accrete::PartCounts const& counts, F&& f) {
  accrete::Index const tokens = plan.training.tokens_per_step();
  for (std::size_t i = 0; i < plan.stages.size(); ++i)
    for (auto const phase : {accrete::GrowthPhase::blocks, accrete::GrowthPhase::lora}) {
      auto const& stage = plan.stages[i];
      bool const is_lora = phase == accrete::GrowthPhase::lora;
      if (is_lora && !stage.lora) continue;
      f(i, phase, plan.depth_after(i + 1), accrete::parameter_table(plan, counts, i, phase),
        (is_lora ? stage.lora->budget : stage.budget).steps(tokens));
    }
}

[[nodiscard]] inline std::string count_as_text(accrete::GrowthPlan const& plan,
                                               accrete::PartCounts const& counts) {
  std::string text = plan.name + "\n";
  for_each_phase(plan, counts,
                 [&](std::size_t stage, accrete::GrowthPhase phase, accrete::Index depth,
                     accrete::ParameterTable const& table, accrete::Index steps) {
                   text += "\n" + phase_label(stage, plan.stages.size(), phase, depth) +
                           accrete::message(", at most ", steps, " steps\n") +
                           accrete::to_text(table);
                 });
  return text;
}

[[nodiscard]] inline accrete::Json count_as_json(accrete::GrowthPlan const& plan,
                                                 accrete::PartCounts const& counts) {
  accrete::Json phases = accrete::Json::array();
  for_each_phase(plan, counts,
                 [&](std::size_t stage, accrete::GrowthPhase phase, accrete::Index depth,
                     accrete::ParameterTable const& table, accrete::Index steps) {
                   phases.push_back(
                       accrete::Json::object({{"stage", stage + 1},
                                              {"phase", accrete::growth_phase_names.name_of(phase)},
                                              {"depth", depth},
                                              {"steps", steps},
                                              {"parameters", accrete::to_json(table)}}));
                 });
  return accrete::Json::object({{"plan", plan.name}, {"phases", std::move(phases)}});
}

}  // namespace grow_program
