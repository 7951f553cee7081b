/// One run: a model trained by a plan, measured stage by stage, and kept for merges.
#pragma once

#include <chrono>
#include <cmath>
#include <numbers>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include <accrete/report/progress.hpp>

#include "backend.hpp"
#include "ground.hpp"
#include "measures.hpp"

namespace study {

using Block = accrete::TransformerBlock<accrete::dynamic_block, Backend>;
template <class Embedding>
using Model = accrete::Decoder<Embedding, accrete::Growable<accrete::Stack<Block>>>;

/// What all cells need.
struct Bench {
  Settings const& settings;
  Measures measures;
  accrete::Substrate substrate;
  Backend backend;
  std::stop_token stop;

  Bench(Settings const& all, Backend computes, std::stop_token token)
      : settings(all),
        measures(load_measures(all)),
        substrate(accrete::Substrate::load(all.state("substrate.safetensors"))),
        backend(std::move(computes)),
        stop(token) {}

  [[nodiscard]] accrete::ScoringOptions scoring() const {
    return {.batch = settings.scale.batch, .time = settings.scale.time};
  }
  template <class M>
  [[nodiscard]] accrete::LossSum score(M const& model, ScoredText const& text) const {
    return accrete::score_tokens(model, text.tokens, model.substrate().vocabulary().begin(),
                                 scoring());
  }
  /// Nats per token over all languages, or some.
  template <class M>
  [[nodiscard]] double validation_loss(M const& model,
                                       std::vector<std::string> const& languages) const {
    accrete::LossSum total;
    for (auto const& language : languages) {
      auto const sum = score(model, measures.validation.at(language));
      total.sum += sum.sum;
      total.tokens += sum.tokens;
    }
    return total.mean();
  }
  /// Bits per character of each text, by its name.
  template <class M>
  [[nodiscard]] Json bits(M const& model, std::map<std::string, ScoredText> const& texts) const {
    Json json = Json::object();
    for (auto const& [name, text] : texts)
      json[name] = accrete::bits_per_character(score(model, text), text.code_points);
    return json;
  }
};

/// A model without blocks, as the plan of the cell wants it.
template <class Embedding>
[[nodiscard]] Model<Embedding> new_model(Bench const& bench, Cell const& cell) {
  return {bench.backend, bench.substrate,
          accrete::body_options<Model<Embedding>>(plan_of(cell, bench.settings.scale))};
}

/// The model of a cell that is done.
template <class Embedding>
[[nodiscard]] Model<Embedding> trained_model(Bench const& bench, Cell const& cell) {
  auto model = new_model<Embedding>(bench, cell);
  accrete::CheckpointReader(bench.settings.state(cell.name() + ".safetensors")).restore(model);
  return model;
}

/// Losses on the way, thinned out.
class Curve {
 public:
  void add(Index step, double loss) {
    steps_.push_back(step);
    losses_.push_back(loss);
  }
  [[nodiscard]] Json to_json() const {
    return Json::object({{"steps", steps_}, {"losses", losses_}});
  }

 private:
  Json steps_ = Json::array(), losses_ = Json::array();
};

template <class Embedding>
[[nodiscard]] Json run_cell(Bench const& bench, Cell const& cell) {
  auto const& scale = bench.settings.scale;
  auto const checkpoint = bench.settings.state(cell.name() + ".safetensors");
  auto const begin = std::chrono::steady_clock::now();
  auto const plan = plan_of(cell, scale);
  auto const languages = languages_of(bench.measures, cell.diet);
  auto model = new_model<Embedding>(bench, cell);
  auto batches = batches_of(bench.settings, bench.measures, cell.diet, plan.training.seed);

  Index steps = 0;
  for (auto const& stage : plan.stages)
    steps += stage.budget.amount + (stage.lora ? stage.lora->budget.amount : 0);
  Index const step_tokens = plan.training.tokens_per_step();
  accrete::Progress progress({.label = cell.name(), .total = steps * step_tokens});
  Json stages = Json::array();
  Curve curve;
  double last_loss = 0;
  Index trainable = 0, parameters = 0;
  std::optional<double> before_growth;
  Json spikes = Json::array();  // the first step's loss above the mean of the last ten before it
  std::vector<double> recent;
  Index first_of_phase = 0;

  accrete::GrowthRunOptions options;
  auto const end_stage = [&](Index depth) {
    stages.push_back(Json::object(
        {{"depth", depth}, {"validation_loss", bench.validation_loss(model, languages)}}));
  };
  options.on_phase = [&](accrete::GrowthPhaseReport const& report) {
    if (report.phase == accrete::GrowthPhase::blocks && report.stage > 0) {
      double mean = 0;
      for (double const loss : recent) mean += loss / static_cast<double>(recent.size());
      before_growth = mean;
    }
    first_of_phase = report.steps_before + 1;
    parameters = report.parameters.total();
    if (report.phase == accrete::GrowthPhase::blocks) trainable = report.parameters.trainable();
  };
  options.on_step = [&](accrete::GrowthStepReport const& report) {
    if (before_growth && report.total_steps == first_of_phase) {
      spikes.push_back(report.step.loss - *before_growth);
      before_growth.reset();
    }
    recent.push_back(report.step.loss);
    if (recent.size() > 10) recent.erase(recent.begin());
    if (report.total_steps % std::max<Index>(steps / 150, 1) == 0)
      curve.add(report.total_steps, report.step.loss);
    last_loss = report.step.loss;
    progress.update(report.total_steps * step_tokens,
                    accrete::message("loss ", std::round(last_loss * 1000) / 1000));
    bool const last_of_stage =
        report.step.step == report.step.steps &&
        (report.phase == accrete::GrowthPhase::lora || !plan.stages[report.stage].lora);
    if (last_of_stage) end_stage(model.body().depth());
  };
  accrete::GrowthRun run(model, batches, plan, std::move(options));
  if (!run.run(bench.stop)) throw Interrupted{};
  progress.finish();

  accrete::CheckpointWriter(model).save(checkpoint);
  std::chrono::duration<double> const seconds = std::chrono::steady_clock::now() - begin;
  return Json::object(
      {{"parameters", parameters},
       {"active_parameters", trainable},
       {"tokens", steps * step_tokens},
       {"seconds", seconds.count()},
       {"validation_loss", bench.validation_loss(model, languages)},
       {"validation_loss_all", bench.validation_loss(model, bench.measures.languages)},
       {"bits", bench.bits(model, bench.measures.test)},
       {"stages", std::move(stages)},
       {"spikes", std::move(spikes)},
       {"curve", curve.to_json()}});
}

/// Seconds of a step of the last stage on data that repeat, without and with a prefix cache, and what the count of
/// products predicts for their ratio.
template <class Embedding>
[[nodiscard]] Json cache_cell(Bench const& bench, Cell const& cell) {
  auto const& scale = bench.settings.scale;
  Index const epoch = 4, steps = 3 * epoch;
  Json result = Json::object();
  std::vector<double> losses[2];
  double seconds[2]{};
  for (bool const cached : {false, true}) {
    auto model = new_model<Embedding>(bench, cell);
    for (int stage = 0; stage < 3; ++stage) model.body().grow(scale.stage_blocks);
    auto const sources = static_cast<Index>(bench.measures.languages.size());
    auto batches = batches_of(bench.settings, bench.measures, Diet::all, 1,
                              epoch * scale.batch * scale.time / sources + 1);
    accrete::TrainerOptions options{.steps = steps,
                                    .on_step = [&](accrete::StepReport const& report) {
                                      losses[cached].push_back(report.loss);
                                      if (report.step > steps - epoch)
                                        seconds[cached] += report.seconds / epoch;
                                      if (report.prefix_hit_rate)
                                        result["hit_rate"] = *report.prefix_hit_rate;
                                    }};
    if (cached) options.prefix_cache.emplace();
    if (accrete::Trainer{model, accrete::AdamW{}, options}.fit(batches, bench.stop).stopped)
      throw Interrupted{};
  }
  auto const width = static_cast<double>(scale.model_dim);
  double const head = 2 * static_cast<double>(scale.vocabulary) * width;
  double const stage = static_cast<double>(scale.stage_blocks) *
                       (24 * width * width + 4 * static_cast<double>(scale.time) * width);
  result["seconds_without"] = seconds[0];
  result["seconds_with"] = seconds[1];
  result["ratio"] = seconds[1] / seconds[0];
  result["predicted_ratio"] = 3 * (stage + head) / (5 * stage + 3 * head);
  result["same_losses"] = losses[0] == losses[1];
  return result;
}

}  // namespace study
