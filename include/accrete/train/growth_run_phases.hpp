/// The phases of a growth run, one after the other (included by growth_run.hpp).
#pragma once

#include <map>
#include <string>

#include <accrete/train/growth_run.hpp>

ACCRETE_BEGIN_NAMESPACE

template <GrowsByPlan Model, BatchSource Batches>
bool GrowthRun<Model, Batches>::run(std::stop_token stop) {
  if (phase_has_begun_) report_phase();
  while (!finished()) {
    if (!phase_has_begun_) begin_phase();
    while (!phase_is_done()) {
      if (stop.stop_requested()) return false;
      step();
    }
    end_phase();
  }
  return true;
}

template <GrowsByPlan Model, BatchSource Batches>
void GrowthRun<Model, Batches>::begin_phase() {
  bool const is_lora = phase_ == GrowthPhase::lora;
  MomentsPolicy const policy = is_lora ? now().lora->moments : now().moments;
  std::map<std::string, std::string> originals;  // "blocks.7." -> "blocks.4."
  if (!is_lora) {
    auto const name = [](Index block) { return "blocks." + std::to_string(block) + "."; };
    auto const sources = model_.body().placement(now().start, now().blocks).sources;
    for (std::size_t i = 0; i < sources.size() && policy == MomentsPolicy::copied; ++i)
      originals[name(model_.body().depth() + static_cast<Index>(i))] = name(sources[i]);
  }
  auto const origin = [&](std::string const& full_name) {
    std::size_t const end = full_name.find('.', full_name.find('.') + 1) + 1;
    auto const found = originals.find(full_name.substr(0, end));
    return found == originals.end() ? full_name : found->second + full_name.substr(end);
  };
  std::optional<Moments<Backend>> moments;
  if (trainer_ && policy != MomentsPolicy::fresh)
    moments.emplace(trainer_->active(), trainer_->steps_done(), [&](std::string const& name) {
      if (is_lora || name.starts_with(model_.head_segment().name() + ".")) return true;
      bool const is_adapter = name.find(".adapter.") != std::string::npos;
      return policy == MomentsPolicy::copied && name.starts_with("blocks.") && !is_adapter;
    });
  trainer_.reset();

  if (is_lora) {
    if constexpr (NamesLinearMaps<Block>) model_.body().add_adapters(now().lora->adapters);
  } else {
    model_.body().grow(now().blocks, now().start);
  }
  make_trainer();
  if (moments) moments->give_to(trainer_->active(), origin);
  plateau_ = {};
  phase_has_begun_ = true;
  report_phase();
}

template <GrowsByPlan Model, BatchSource Batches>
void GrowthRun<Model, Batches>::make_trainer() {
  if (plan_.model.embedding.kind == EmbeddingKind::learned &&
      plan_.model.embedding.trains_until_stage == 0)
    model_.freeze_embedding();
  auto& head = model_.head_segment();
  head.set_trainable(head.name() + ".", now().trains_head);
  head.set_trainable(head.name() + ".norm.", now().trains_final_norm);
  Index const steps = budget().steps(plan_.training.tokens_per_step());
  std::optional<PrefixCacheOptions> prefix_cache;
  if constexpr (HasFrozenPrefix<Model>)
    if (model_.prefix_depth() > 0) prefix_cache = options_.prefix_cache;
  trainer_ = std::make_unique<Trainer<Model>>(
      model_, plan_.optimizer(schedule()),
      TrainerOptions{.steps = steps,
                     .accumulation = plan_.training.accumulation,
                     .clip_norm = plan_.training.clip_norm,
                     .schedule = {.shape = schedule().shape,
                                  .warmup_steps = schedule().warmup_steps,
                                  .steps = steps,
                                  .final_factor = schedule().final_factor},
                     .prefix_cache = std::move(prefix_cache)});
  if (trainer_->active().parameter_count() != parameters().trainable())
    throw MismatchError(message("growth run: ", trainer_->active().parameter_count(),
                                " parameters of the model train, the plan means ",
                                parameters().trainable()));
}

template <GrowsByPlan Model, BatchSource Batches>
void GrowthRun<Model, Batches>::step() {
  StepReport report = trainer_->step(batches_);
  Index const every = plan_.training.validate_every;
  if (options_.validate && every > 0 &&
      (report.step % every == 0 || report.step == trainer_->options().steps)) {
    report.validation_loss = options_.validate();
    if (*report.validation_loss < plateau_.best - budget().minimal_improvement) {
      plateau_ = {.best = *report.validation_loss, .waited = 0};
    } else {
      ++plateau_.waited;
    }
  }
  if (options_.on_step)
    options_.on_step({.step = report,
                      .stage = stage_,
                      .phase = phase_,
                      .total_steps = total_steps(),
                      .total_tokens = total_tokens()});
}

template <GrowsByPlan Model, BatchSource Batches>
void GrowthRun<Model, Batches>::end_phase() {
  steps_before_ += trainer_->steps_done();
  tokens_before_ += trainer_->total_tokens();
  phase_has_begun_ = false;
  std::optional<double> bound;
  if constexpr (NamesLinearMaps<Block>)
    if (phase_ == GrowthPhase::lora) bound = model_.body().merge_adapters();
  bool const lora_follows = phase_ == GrowthPhase::blocks && now().lora;
  phase_ = lora_follows ? GrowthPhase::lora : GrowthPhase::blocks;
  if (!lora_follows) ++stage_;
  if (bound && options_.on_merge) options_.on_merge(*bound);
  if (!finished())
    return;  // the next phase may take moments from this one's trainer, which knows the adapters
  trainer_.reset();
  if constexpr (NamesLinearMaps<Block>) model_.body().remove_adapters();
}

template <GrowsByPlan Model, BatchSource Batches>
void GrowthRun<Model, Batches>::report_phase() const {
  if (options_.on_phase)
    options_.on_phase({.stage = stage_,
                       .stages = plan_.stages.size(),
                       .phase = phase_,
                       .depth = model_.body().depth(),
                       .steps = trainer_->options().steps,
                       .steps_done = trainer_->steps_done(),
                       .steps_before = steps_before_,
                       .parameters = parameters()});
}

ACCRETE_END_NAMESPACE
