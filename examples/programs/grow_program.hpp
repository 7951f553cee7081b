/// A program that runs growth plans: accrete-grow, and the same for a model type of a user's own.
#pragma once

#include <accrete/io/folder_lock.hpp>
#include <accrete/report/progress.hpp>
#include <accrete/train/checkpoint_folder.hpp>
#include <accrete/train/growth_run.hpp>
#include <accrete/train/step_log.hpp>
#include <array>
#include <concepts>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "grow_count.hpp"
#include "grow_settings.hpp"
#include "grow_text.hpp"
#include "interruption.hpp"

namespace grow_program {

/// The backend with as many threads as asked for, where it has threads.
template <class Backend>
[[nodiscard]] Backend make_backend(int threads) {
  if constexpr (std::constructible_from<Backend, int>)
    return Backend(threads);
  else
    return Backend{};
}

/// Trains one model by its plan and keeps the user informed.
template <class Model>
class Job {
 public:
  using Run = accrete::GrowthRun<Model, accrete::Batches>;

  Job(Settings const& settings, accrete::GrowthPlan plan)
      : settings_(settings),
        substrate_(accrete::Substrate::load(settings.substrate)),
        plan_(accrete::complete_plan(std::move(plan), substrate_.vocabulary_size(),
                                     substrate_.width())),
        model_(make_backend<typename Model::Backend>(settings.threads), substrate_,
               accrete::body_options<Model>(plan_)),
        batches_(open_shards(settings.tokens, substrate_), {.batch = plan_.training.batch,
                                                            .time = plan_.training.time,
                                                            .seed = plan_.training.seed}),
        validation_(read_beginnings(open_shards(settings.validation, substrate_),
                                    plan_.training.validation_tokens)),
        run_(model_, batches_, plan_, callbacks()) {}

  /// Returns whether the plan is finished.
  bool run(std::stop_token stop);

 private:
  accrete::GrowthRunOptions callbacks();
  [[nodiscard]] double validate() const {
    return validation_loss(model_, validation_,
                           {.batch = plan_.training.batch, .time = plan_.training.time});
  }
  void begin(accrete::GrowthPhaseReport const& report);
  void advance(accrete::GrowthStepReport const& report);
  void say(std::string const& text) const {
    if (!settings_.quiet) std::fprintf(stderr, "%s", text.c_str());
  }
  void print_result(bool finished) const;
  void save();
  /// The checkpoint to go on from. A run goes on whether it kept one checkpoint until now or several.
  [[nodiscard]] std::optional<std::filesystem::path> last_checkpoint() const;

  Settings const& settings_;
  accrete::Substrate substrate_;
  accrete::GrowthPlan plan_;
  Model model_;
  accrete::Batches batches_;
  std::vector<std::vector<accrete::TokenId>> validation_;
  Run run_;
  std::optional<accrete::CheckpointFolder> checkpoints_;  // with --keep-last
  std::optional<double> validation_loss_;                 // of the last step, if it was validated
  std::unique_ptr<accrete::StepLog> log_;
  std::optional<accrete::JsonLinesLog> stages_;
  std::unique_ptr<accrete::Progress> progress_;
};

template <class Model>
accrete::GrowthRunOptions Job<Model>::callbacks() {
  accrete::GrowthRunOptions options;
  if (!validation_.empty()) options.validate = [this] { return validate(); };
  if (settings_.prefix_cache > 0)
    options.prefix_cache = {.byte_limit = settings_.prefix_cache << 20,
                            .folder = settings_.prefix_cache_folder};
  options.on_phase = [this](auto const& report) { begin(report); };
  options.on_step = [this](auto const& report) { advance(report); };
  options.on_merge = [this](double bound) {
    progress_.reset();
    say(accrete::message("adapters merged; no weight is off by more than ", bound, "\n"));
  };
  return options;
}

template <class Model>
void Job<Model>::begin(accrete::GrowthPhaseReport const& report) {
  std::string const label = phase_label(report.stage, report.stages, report.phase, report.depth);
  accrete::Index const step_tokens = plan_.training.tokens_per_step();
  progress_.reset();
  say("\n" + label + "\n" + accrete::to_text(report.parameters));
  if (report.steps_done == 0)  // else the row is there
    stages_->append(
        accrete::Json::object({{"step", report.steps_before + 1},
                               {"stage", report.stage + 1},
                               {"phase", accrete::growth_phase_names.name_of(report.phase)},
                               {"depth", report.depth},
                               {"parameters", accrete::to_json(report.parameters)}}));
  if (!settings_.quiet)
    progress_ = std::make_unique<accrete::Progress>(
        accrete::ProgressOptions{.label = label,
                                 .total = report.steps * step_tokens,
                                 .already_done = report.steps_done * step_tokens});
}

template <class Model>
void Job<Model>::advance(accrete::GrowthStepReport const& report) {
  accrete::StepReport whole = report.step;
  whole.step = report.total_steps;
  whole.total_tokens = report.total_tokens;
  log_->append(whole);
  if (!whole.warning.empty()) say("\n" + whole.warning + "\n");
  validation_loss_ = report.step.validation_loss;
  if (progress_) {
    std::array<char, 32> note{};
    std::snprintf(note.data(), note.size(), "loss %.3f", report.step.loss);
    progress_->update(report.step.step * plan_.training.tokens_per_step(), note.data());
    if (report.step.step == report.step.steps) progress_->finish(note.data());
  }
  if (report.total_steps % settings_.checkpoint_every == 0) save();
}

template <class Model>
void Job<Model>::save() {
  if (checkpoints_)
    run_.save(*checkpoints_, validation_loss_);
  else
    run_.save(settings_.checkpoint());
}

template <class Model>
std::optional<std::filesystem::path> Job<Model>::last_checkpoint() const {
  if (checkpoints_)
    if (auto const latest = checkpoints_->latest()) return latest->path;
  if (std::filesystem::exists(settings_.checkpoint())) return settings_.checkpoint();
  return std::nullopt;
}

template <class Model>
bool Job<Model>::run(std::stop_token stop) {
  accrete::FolderLock const lock(settings_.out);
  if (settings_.keep_last > 0)
    checkpoints_.emplace(settings_.checkpoints(),
                         accrete::CheckpointFolderOptions{.keep_last = settings_.keep_last,
                                                          .keep_best = settings_.keep_best,
                                                          .background = settings_.background});
  else if (std::filesystem::exists(settings_.checkpoints()) &&
           !std::filesystem::is_empty(settings_.checkpoints()))
    throw accrete::FileError(settings_.checkpoints().string(),
                             "holds the checkpoints of this run; give --keep-last, too");
  if (auto const last = last_checkpoint()) {
    run_.restore(accrete::CheckpointReader(*last, settings_.verify));
    say(accrete::message("going on from ", last->string(), ", step ", run_.total_steps(), "\n"));
  }
  log_ = std::make_unique<accrete::StepLog>(settings_.out / "steps", run_.total_steps(),
                                            model_.backend().description());
  stages_.emplace(
      accrete::JsonLinesLog::resume(settings_.out / "stages.jsonl", run_.total_steps()));
  bool const was_finished = run_.finished();
  bool const finished = run_.run(stop);
  progress_.reset();
  if (!was_finished) save();
  if (checkpoints_) checkpoints_->finish();
  if (settings_.json) print_result(finished);
  if (finished) return true;
  std::fprintf(stderr, "stopped after step %lld; the same command goes on from %s\n",
               static_cast<long long>(run_.total_steps()), last_checkpoint()->c_str());
  return false;
}

template <class Model>
void Job<Model>::print_result(bool finished) const {
  accrete::Json result = accrete::Json::object({{"finished", finished},
                                                {"depth", model_.body().depth()},
                                                {"steps", run_.total_steps()},
                                                {"tokens", run_.total_tokens()},
                                                {"checkpoint", last_checkpoint()->string()}});
  if (finished && !validation_.empty()) result["validation_loss"] = accrete::Json(validate());
  std::cout << result.dump() << std::endl;
}

/// What `make` makes; what the plan cannot mean is an error of its file.
template <class Make>
auto for_plan(Settings const& settings, Make&& make) try {
  return make();
} catch (accrete::ValueError const& error) {
  throw accrete::FileError(settings.plan.string(), error.what());
}

/// Counts by count(plan) or trains by train(plan, start), which calls start.template operator()<Model>() for the type of
/// model that fits the plan. Returns false where it was stopped.
template <class Count, class Train>
bool run(Settings const& settings, Count&& count, Train&& train, std::stop_token stop) {
  accrete::GrowthPlan const plan = accrete::load_growth_plan(settings.plan);
  if (!settings.count) {
    std::function<bool()> train_it;
    auto const start = [&]<class Model>() {
      auto const job = std::make_shared<Job<Model>>(settings, plan);
      train_it = [job, stop] { return job->run(stop); };
    };
    for_plan(settings, [&] { train(plan, start); });
    return train_it();
  }
  accrete::Index vocabulary_size = 0, width = 0;
  if (!settings.substrate.empty()) {
    auto const substrate = accrete::Substrate::load(settings.substrate);
    vocabulary_size = substrate.vocabulary_size();
    width = substrate.width();
  }
  auto const [complete, counts] = for_plan(settings, [&] {
    auto whole = accrete::complete_plan(plan, vocabulary_size, width);
    accrete::PartCounts parts = count(whole);
    return std::pair{std::move(whole), std::move(parts)};
  });
  std::cout << (settings.json ? count_as_json(complete, counts).dump() + "\n"
                              : count_as_text(complete, counts));
  return true;
}

/// The whole main.
template <class Count, class Train>
int main_of(char const* name, int argument_count, char** arguments, Count&& count, Train&& train) {
  Interruption const interruption("finishing this step, then writing a checkpoint");
  try {
    Settings settings{.program = name};
    if (!read_settings(argument_count, arguments, settings)) return 0;
    return run(settings, count, train, interruption.token()) ? 0 : interruption.exit_status();
  } catch (boost::program_options::error const& error) {
    std::fprintf(stderr, "%s: %s; see --help\n", name, error.what());
    return 2;
  } catch (std::exception const& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
    return 1;
  }
}

}  // namespace grow_program
