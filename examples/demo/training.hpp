/// Training of one model through its stages of growth, with checkpoints from which a second start goes on.
#pragma once

#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <accrete/report/progress.hpp>

#include "demo_result.hpp"
#include "models.hpp"
#include "tokens.hpp"

namespace demo {

/// Thrown when Ctrl-C has ended the work; everything is saved.
struct Interrupted {};

/// The losses of all windows of some languages, in nats per token.
template <class Model>
[[nodiscard]] double validation_loss(Model const& model,
                                     std::vector<LanguageTokens const*> const& languages,
                                     Settings const& settings, Index most_tokens) {
  accrete::LossSum total;
  for (LanguageTokens const* const language : languages) {
    auto const& tokens = language->validation.tokens;
    auto const count = std::min(tokens.size(), static_cast<std::size_t>(most_tokens));
    auto const sum = accrete::score_tokens(
        model, std::span(tokens).first(count), model.substrate().vocabulary().begin(),
        {.batch = settings.scale.batch, .time = settings.scale.time});
    total.sum += sum.sum;
    total.tokens += sum.tokens;
  }
  return total.mean();
}

/// A model on its way: what is trained, and on what.
struct TrainingJob {
  std::string name{};
  std::vector<LanguageTokens const*> languages{};  ///< one source of windows each
  Index steps = 0;                                 ///< of each stage
  std::uint64_t seed = 0;
};

class StagedTraining {
 public:
  StagedTraining(Settings const& settings, TrainingJob job, std::stop_token stop)
      : settings_(settings), job_(std::move(job)), stop_(stop) {}

  /// Trains what is left to do. Throws Interrupted after writing a checkpoint if a stop was asked for.
  void run(Expert& model);

  [[nodiscard]] LossCurve const& curve() const { return curve_; }
  [[nodiscard]] std::vector<GrowthStage> const& stages() const { return stages_; }

 private:
  static constexpr Index steps_between_checkpoints = 100, steps_between_points = 5,
                         steps_between_validations = 50;
  static constexpr Index quick_validation_tokens = 4096;

  [[nodiscard]] std::filesystem::path checkpoint() const {
    return settings_.state_folder() / (job_.name + ".safetensors");
  }
  [[nodiscard]] Index stage_count() const {
    return static_cast<Index>(settings_.scale.stages.size());
  }

  void resume(Expert& model);
  void run_stage(Expert& model, accrete::Batches& batches);
  void save(Expert& model, accrete::Trainer<Expert> const* trainer,
            accrete::Batches const& batches) const;
  [[nodiscard]] accrete::Batches make_batches() const;
  void record(accrete::StepReport const& report);

  Settings const& settings_;
  TrainingJob job_;
  std::stop_token stop_;
  Index stage_ = 0;  ///< the one that trains now, or stage_count() when all is done
  std::optional<accrete::CheckpointReader> resumed_;
  LossCurve curve_;
  std::vector<GrowthStage> stages_;
};

namespace detail {

[[nodiscard]] inline accrete::Json json_of(std::vector<double> const& values) {
  accrete::Json array = accrete::Json::array();
  for (double const value : values) array.push_back(value);
  return array;
}
[[nodiscard]] inline std::vector<double> doubles_of(accrete::Json const& array) {
  std::vector<double> values;
  for (accrete::Json const& value : array.as_array()) values.push_back(value.as_double());
  return values;
}

[[nodiscard]] inline accrete::Json to_json(LossCurve const& curve,
                                           std::vector<GrowthStage> const& stages) {
  accrete::Json growth = accrete::Json::array(), done = accrete::Json::array();
  for (auto const& mark : curve.growth)
    growth.push_back(accrete::Json::object({{"step", mark.step}, {"depth", mark.depth}}));
  for (auto const& stage : stages)
    done.push_back(accrete::Json::object(
        {{"depth", stage.depth}, {"validation_loss", stage.validation_loss}}));
  return accrete::Json::object({{"train_steps", json_of(curve.train_steps)},
                                {"train_losses", json_of(curve.train_losses)},
                                {"validation_steps", json_of(curve.validation_steps)},
                                {"validation_losses", json_of(curve.validation_losses)},
                                {"growth", growth},
                                {"stages", done}});
}

}  // namespace detail

inline accrete::Batches StagedTraining::make_batches() const {
  std::vector<std::shared_ptr<accrete::TokenSource const>> sources;
  for (LanguageTokens const* const language : job_.languages) sources.push_back(language->train);
  return {sources,
          {.batch = settings_.scale.batch,
           .time = settings_.scale.time,
           .seed = job_.seed,
           .padding = 0}};
}

inline void StagedTraining::resume(Expert& model) {
  curve_.model = job_.name;
  if (!std::filesystem::exists(checkpoint())) return;
  resumed_.emplace(checkpoint());
  accrete::Json const& extra = resumed_->extra();
  if (extra.at("identity") != settings_.identity())
    throw accrete::MismatchError(accrete::message(
        checkpoint().string(), ": it belongs to a run with other settings; remove ",
        settings_.state_folder().string(), " to begin anew, or choose another folder with --out"));
  resumed_->restore(model);
  stage_ = extra.at("stage").as_int();
  accrete::Json const& curve = extra.at("curve");
  curve_.train_steps = detail::doubles_of(curve.at("train_steps"));
  curve_.train_losses = detail::doubles_of(curve.at("train_losses"));
  curve_.validation_steps = detail::doubles_of(curve.at("validation_steps"));
  curve_.validation_losses = detail::doubles_of(curve.at("validation_losses"));
  for (accrete::Json const& mark : curve.at("growth").as_array())
    curve_.growth.push_back({.step = mark.at("step").as_int(), .depth = mark.at("depth").as_int()});
  for (accrete::Json const& stage : curve.at("stages").as_array())
    stages_.push_back({.model = job_.name,
                       .depth = stage.at("depth").as_int(),
                       .validation_loss = stage.at("validation_loss").as_double()});
}

inline void StagedTraining::save(Expert& model, accrete::Trainer<Expert> const* trainer,
                                 accrete::Batches const& batches) const {
  accrete::CheckpointWriter writer(model);
  writer.with(batches).with_extra(
      accrete::Json::object({{"identity", settings_.identity()},
                             {"stage", stage_},
                             {"curve", detail::to_json(curve_, stages_)}}));
  if (trainer != nullptr) writer.with(*trainer);
  writer.save(checkpoint());
}

inline void StagedTraining::run(Expert& model) {
  resume(model);
  auto batches = make_batches();
  if (resumed_) resumed_->restore(batches);
  while (stage_ < stage_count()) run_stage(model, batches);
}

inline void StagedTraining::run_stage(Expert& model, accrete::Batches& batches) {
  Index const first_step = stage_ * job_.steps;
  bool const goes_on =
      resumed_ && resumed_->has_trainer();  // otherwise the file was written between two stages
  if (!goes_on) {
    model.body().grow(settings_.scale.stages[static_cast<std::size_t>(stage_)]);
    if (stage_ > 0) curve_.growth.push_back({.step = first_step, .depth = model.body().depth()});
  }
  std::string const label = accrete::message(job_.name, ", stage ", stage_ + 1, " of ",
                                             stage_count(), ", ", model.body().depth(), " blocks");
  Index const step_tokens = settings_.scale.batch * settings_.scale.time;
  std::unique_ptr<accrete::Progress> progress;
  std::unique_ptr<accrete::StepLog> log;
  accrete::Trainer<Expert>* running = nullptr;

  accrete::Trainer<Expert> trainer{
      model,
      accrete::AdamW{.learning_rate = settings_.scale.learning_rate},
      {.steps = job_.steps,
       .schedule = {.warmup_steps = job_.steps / 20, .steps = job_.steps, .final_factor = 0.1},
       .validate_every = steps_between_validations,
       .validate =
           [&] {
             return validation_loss(model, job_.languages, settings_, quick_validation_tokens);
           },
       .on_step =
           [&](accrete::StepReport const& report) {
             accrete::StepReport whole = report;
             whole.step += first_step;
             record(whole);
             log->append(whole);
             std::array<char, 32> note{};
             std::snprintf(note.data(), note.size(), "loss %.3f", report.loss);
             progress->update(report.step * step_tokens, note.data());
             if (report.step % steps_between_checkpoints == 0) save(model, running, batches);
           }}};
  running = &trainer;
  if (goes_on) resumed_->restore(trainer);
  resumed_.reset();
  log = std::make_unique<accrete::StepLog>(settings_.state_folder() / job_.name,
                                           first_step + trainer.steps_done(),
                                           model.backend().description());
  progress = std::make_unique<accrete::Progress>(
      accrete::ProgressOptions{.label = label,
                               .total = job_.steps * step_tokens,
                               .already_done = trainer.steps_done() * step_tokens});

  if (trainer.fit(batches, stop_).stopped) {
    save(model, &trainer, batches);
    throw Interrupted{};
  }
  progress->finish();
  stages_.push_back({.model = job_.name,
                     .depth = model.body().depth(),
                     .validation_loss = validation_loss(model, job_.languages, settings_,
                                                        settings_.scale.scored_tokens)});
  ++stage_;
  // Without a trainer: the next stage begins with moments of its own.
  save(model, nullptr, batches);
}

inline void StagedTraining::record(accrete::StepReport const& report) {
  auto const step = static_cast<double>(report.step);
  if (report.step % steps_between_points == 0) {
    curve_.train_steps.push_back(step);
    curve_.train_losses.push_back(report.loss);
  }
  if (report.validation_loss) {
    curve_.validation_steps.push_back(step);
    curve_.validation_losses.push_back(*report.validation_loss);
  }
}

}  // namespace demo
