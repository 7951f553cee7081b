/// What a growth run writes and reads (included by growth_run.hpp).
#pragma once

#include <cmath>
#include <limits>

#include <accrete/io/json_difference.hpp>
#include <accrete/train/growth_run.hpp>

ACCRETE_BEGIN_NAMESPACE

template <GrowsByPlan Model, BatchSource Batches>
Json GrowthRun<Model, Batches>::state() const {
  Json state = Json::object({{"plan", to_json(plan_)},
                             {"stage", stage_},
                             {"phase", growth_phase_names.name_of(phase_)},
                             {"phase_has_begun", phase_has_begun_},
                             {"steps_before", steps_before_},
                             {"tokens_before", tokens_before_},
                             {"waited", plateau_.waited}});
  if (std::isfinite(plateau_.best)) state["best"] = Json(plateau_.best);
  return state;
}

template <GrowsByPlan Model, BatchSource Batches>
CheckpointWriter<Model> GrowthRun<Model, Batches>::writer() const {
  CheckpointWriter<Model> writer(model_);
  writer.with(batches_).with_extra(state());
  if (phase_has_begun_) writer.with(*trainer_);
  return writer;
}

template <GrowsByPlan Model, BatchSource Batches>
void GrowthRun<Model, Batches>::check_same_plan(Json const& saved) const {
  Json theirs = saved, mine = to_json(plan_);
  for (char const* const words : {"name", "about"}) theirs[words] = mine[words];
  if (theirs != mine)
    throw MismatchError(message("the checkpoint belongs to another plan: they differ in ",
                                json_difference(theirs, mine)));
}

template <GrowsByPlan Model, BatchSource Batches>
void GrowthRun<Model, Batches>::restore(CheckpointReader const& file) {
  Json const& saved = file.extra();
  try {
    check_same_plan(saved.at("plan"));
  } catch (ValueError const& error) {
    throw MismatchError(message("the checkpoint is of no growth plan: ", error.what()));
  }
  file.restore(model_);
  try {
    restore_state(saved);
  } catch (ValueError const& error) {
    throw MismatchError(message("the checkpoint's growth plan is damaged: ", error.what()));
  }
  file.restore(batches_);
  if (!phase_has_begun_) return;
  make_trainer();
  file.restore(*trainer_);
}

template <GrowsByPlan Model, BatchSource Batches>
void GrowthRun<Model, Batches>::restore_state(Json const& saved) {
  auto const count = [&](char const* key) {
    Index const value = saved.at(key).as_int();
    if (value < 0) throw ValueError(message(key, ": expected 0 or more, got ", value));
    return value;
  };
  auto const stage = static_cast<std::size_t>(count("stage"));
  GrowthPhase const phase = growth_phase_names.at(saved.at("phase").as_string());
  bool const has_begun = saved.at("phase_has_begun").as_bool(),
             is_lora = phase == GrowthPhase::lora;
  if (stage > plan_.stages.size() || (stage == plan_.stages.size() && (has_begun || is_lora)) ||
      (is_lora && !plan_.stages[stage].lora))
    throw ValueError(
        message("the plan has no phase ", saved.at("phase").as_string(), " of stage ", stage + 1));
  if (model_.body().depth() != plan_.depth_after(stage + (has_begun || is_lora ? 1 : 0)) ||
      model_.body().has_adapters() != (has_begun && is_lora))
    throw ValueError(
        message("a body of ", model_.body().depth(), " blocks is not that of stage ", stage + 1));
  Index const steps = count("steps_before"), tokens = count("tokens_before"),
              waited = count("waited");
  Json const* const best = saved.find("best");
  plateau_ = {.best = best == nullptr ? std::numeric_limits<double>::infinity() : best->as_double(),
              .waited = waited};
  stage_ = stage;
  phase_ = phase;
  phase_has_begun_ = has_begun;
  steps_before_ = steps;
  tokens_before_ = tokens;
}

ACCRETE_END_NAMESPACE
