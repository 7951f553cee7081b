/// One merge: two experts that were trained apart, under every fusion.
#pragma once

#include <string>
#include <type_traits>
#include <utility>

#include "run_cell.hpp"

namespace study {

/// The bits per character of a model on all texts, and its parameters that its own training has to find.
template <class M>
[[nodiscard]] Json measured(Bench const& bench, M const& model) {
  return Json::object({{"bits", bench.bits(model, bench.measures.test)},
                       {"odd", bench.bits(model, bench.measures.odd)}});
}

/// Trains what is trainable in a merge on text of all languages.
template <class M>
void tune(Bench const& bench, M& merged, std::string const& label, double learning_rate,
          std::uint64_t seed) {
  auto const& scale = bench.settings.scale;
  auto batches = batches_of(bench.settings, bench.measures, Diet::all, seed + 1000);
  Index const step_tokens = scale.batch * scale.time;
  accrete::Progress progress({.label = label, .total = scale.tuning_steps * step_tokens});
  accrete::Trainer trainer{
      merged, accrete::AdamW{.learning_rate = learning_rate},
      accrete::TrainerOptions{
          .steps = scale.tuning_steps,
          .schedule = {.warmup_steps = std::max<Index>(scale.tuning_steps / 10, 1)},
          .on_step = [&](accrete::StepReport const& report) {
            progress.update(report.step * step_tokens);
          }}};
  if (trainer.fit(batches, bench.stop).stopped) throw Interrupted{};
  progress.finish();
}

template <class Embedding>
[[nodiscard]] Json merge_cell(Bench const& bench, Cell const& cell) {
  auto const begin = std::chrono::steady_clock::now();
  auto const expert = [&](Diet diet) { return trained_model<Embedding>(bench, cell.expert(diet)); };
  // Experts on learned embeddings have nothing in common but their vocabulary: the control.
  auto const merge_by = [&](auto fusion) {
    if constexpr (Embedding::dockable)
      return accrete::Ensemble{std::move(fusion), expert(Diet::first), expert(Diet::second)};
    else
      return accrete::Ensemble{accrete::SameVocabulary{}, std::move(fusion), expert(Diet::first),
                               expert(Diet::second)};
  };
  auto const seed = static_cast<std::uint64_t>(cell.seed);
  double const rate = bench.settings.scale.learning_rate;

  Json models = Json::object();
  models["expert a"] = measured(bench, expert(Diet::first));
  models["expert b"] = measured(bench, expert(Diet::second));
  models["mean of logits"] = measured(bench, merge_by(accrete::MeanOfLogits{}));
  models["mean of probabilities"] = measured(bench, merge_by(accrete::MeanOfProbabilities{}));
  Json weights = Json::array();
  {
    auto merged = merge_by(accrete::WeightedMean{});
    std::vector<TokenId> held_out;  // validation text: no score here uses it
    for (auto const& [language, text] : bench.measures.validation)
      held_out.insert(held_out.end(), text.tokens.begin(), text.tokens.end());
    auto const fit = accrete::fit_weights(merged, held_out, bench.substrate.vocabulary().begin(),
                                          {.scoring = bench.scoring()});
    for (double const weight : fit.weights) weights.push_back(weight);
    models["weighted mean"] = measured(bench, merged);
  }
  {
    auto merged = merge_by(accrete::LearnedGate{});
    merged.freeze_experts();
    tune(bench, merged, cell.name() + ", gate", 1e-2, seed);
    models["gate"] = measured(bench, merged);
  }
  {
    auto merged = merge_by(accrete::LogitAdapter{});
    merged.freeze_experts();
    tune(bench, merged, cell.name() + ", adapter", rate, seed);
    models["adapter"] = measured(bench, merged);
  }
  {
    auto merged = merge_by(accrete::MeanOfLogits{});
    merged.template expert<0>().body().freeze();
    merged.template expert<1>().body().freeze();
    tune(bench, merged, cell.name() + ", heads", rate / 4, seed);
    models["tuned heads"] = measured(bench, merged);
  }
  std::chrono::duration<double> const seconds = std::chrono::steady_clock::now() - begin;
  return Json::object({{"models", std::move(models)},
                       {"weights", std::move(weights)},
                       {"seconds", seconds.count()}});
}

}  // namespace study
