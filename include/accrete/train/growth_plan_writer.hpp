/// A growth plan as JSON: what growth_plan_json.hpp reads, with every key said.
#pragma once

#include <accrete/io/json.hpp>
#include <accrete/train/growth_plan_json.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

[[nodiscard]] inline Json to_json(GrowthBudget const& budget) {
  if (budget.kind == GrowthBudget::Kind::steps) return Json::object({{"steps", budget.amount}});
  if (budget.kind == GrowthBudget::Kind::tokens) return Json::object({{"tokens", budget.amount}});
  return Json::object(
      {{"plateau", Json::object({{"patience", budget.patience},
                                 {"minimal_improvement", budget.minimal_improvement},
                                 {"most_steps", budget.amount}})}});
}

[[nodiscard]] inline Json to_json(PlannedSchedule const& schedule) {
  return Json::object({{"shape", schedule_shape_names.name_of(schedule.shape)},
                       {"warmup_steps", schedule.warmup_steps},
                       {"learning_rate", schedule.learning_rate},
                       {"final_factor", schedule.final_factor}});
}

[[nodiscard]] inline Json to_json(LoraPhase const& lora) {
  return Json::object({{"rank", lora.adapters.rank},
                       {"alpha", lora.adapters.alpha},
                       {"targets", Json::array(lora.adapters.targets)},
                       {"budget", to_json(lora.budget)},
                       {"schedule", to_json(lora.schedule)},
                       {"moments", moments_policy_names.name_of(lora.moments)}});
}

[[nodiscard]] inline Json to_json(GrowthStage const& stage) {
  return Json::object({{"blocks", stage.blocks},
                       {"start", block_start_names.name_of(stage.start)},
                       {"budget", to_json(stage.budget)},
                       {"schedule", to_json(stage.schedule)},
                       {"train", Json::object({{"head", stage.trains_head},
                                               {"final_norm", stage.trains_final_norm}})},
                       {"moments", moments_policy_names.name_of(stage.moments)},
                       {"lora", stage.lora ? to_json(*stage.lora) : Json()}});
}

[[nodiscard]] inline Json to_json(PlannedModel const& model) {
  return Json::object(
      {{"vocabulary_size", model.vocabulary_size},
       {"planned_depth", model.planned_depth},
       {"embedding", Json::object({{"kind", embedding_kind_names.name_of(model.embedding.kind)},
                                   {"width", model.embedding.width},
                                   {"trains_until_stage", model.embedding.trains_until_stage}})},
       {"block", Json::object({{"model_dim", model.block.model_dim},
                               {"head_count", model.block.head_count},
                               {"hidden_dim", model.block.hidden_dim},
                               {"norm", norm_kind_names.name_of(model.norm)},
                               {"activation", activation_kind_names.name_of(model.activation)}})}});
}

[[nodiscard]] inline Json to_json(PlannedTraining const& training) {
  return Json::object({{"seed", training.seed},
                       {"batch", training.batch},
                       {"time", training.time},
                       {"accumulation", training.accumulation},
                       {"clip_norm", training.clip_norm},
                       {"beta1", training.beta1},
                       {"beta2", training.beta2},
                       {"epsilon", training.epsilon},
                       {"weight_decay", training.weight_decay},
                       {"validate_every", training.validate_every},
                       {"validation_tokens", training.validation_tokens}});
}

}  // namespace detail

[[nodiscard]] inline Json to_json(GrowthPlan const& plan) {
  Json stages = Json::array();
  for (GrowthStage const& stage : plan.stages) stages.push_back(detail::to_json(stage));
  return Json::object({{"format", growth_plan_format},
                       {"version", growth_plan_version},
                       {"name", plan.name},
                       {"about", plan.about},
                       {"model", detail::to_json(plan.model)},
                       {"training", detail::to_json(plan.training)},
                       {"stages", std::move(stages)}});
}

ACCRETE_END_NAMESPACE
