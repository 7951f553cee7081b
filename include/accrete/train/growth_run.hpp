/// Runs a growth plan: grows, trains, adapts, merges, stage by stage, and goes on after any interruption to the bit.
#pragma once

#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>

#include <accrete/train/checkpoint.hpp>
#include <accrete/train/checkpoint_folder.hpp>
#include <accrete/train/growth_plan_writer.hpp>
#include <accrete/train/parameter_table.hpp>
#include <accrete/train/plan_fit.hpp>
#include <accrete/train/trainer.hpp>

ACCRETE_BEGIN_NAMESPACE

/// What a growth plan can be run on: a decoder with a body that grows.
template <class M>
concept GrowsByPlan = Trainable<M> && TrainsParameters<typename M::Backend> &&
    requires(M& model, Index count, BlockStart start) {
  typename M::HeadType::template Layer<typename M::Backend>;
  model.body().grow(count, start);
  model.body().placement(start, count);
  model.head_segment().set_trainable("", true);
  model.freeze_embedding();
};

/// A phase of a stage as it begins, or goes on.
struct GrowthPhaseReport {
  std::size_t stage = 0, stages = 0;
  GrowthPhase phase = GrowthPhase::blocks;
  Index depth = 0;         ///< of the body
  Index steps = 0;         ///< of this phase, at most
  Index steps_done = 0;    ///< of them
  Index steps_before = 0;  ///< of all phases before it
  ParameterTable parameters{};
};

struct GrowthStepReport {
  StepReport step{};  ///< counted within the phase
  std::size_t stage = 0;
  GrowthPhase phase = GrowthPhase::blocks;
  Index total_steps = 0;   ///< of the whole run so far
  Index total_tokens = 0;  ///< targets of the whole run so far
};

struct GrowthRunOptions {
  std::function<double()> validate{};  ///< returns the validation loss; a plateau needs it
  /// Keeps what frozen blocks make of data that repeat, in phases that have such below all that trains: the same bits.
  std::optional<PrefixCacheOptions> prefix_cache{};
  std::function<void(GrowthPhaseReport const&)> on_phase{};
  std::function<void(GrowthStepReport const&)> on_step{};  ///< the run may be saved from here
  /// Adapters have been merged: no weight is off by more than `bound` through rounding.
  std::function<void(double bound)> on_merge{};
};

/// The run of a plan on a model without blocks. `model` and `batches` must outlive it.
///
///     GrowthRun run(model, batches, load_growth_plan("plan.json"));
///     if (exists("run.safetensors")) run.restore(CheckpointReader("run.safetensors"));
///     if (!run.run(stop)) run.save("run.safetensors");
///
/// The model must be built from the plan's seed, sizes and planned depth (`body_options`), and the batches from its
/// seed, B and T.
template <GrowsByPlan Model, BatchSource Batches>
class GrowthRun {
 public:
  /// Throws ValueError with the path for what the plan cannot mean, MismatchError where model or batches are not those
  /// of the plan.
  GrowthRun(Model& model, Batches& batches, GrowthPlan plan, GrowthRunOptions options = {});

  /// Runs what is left. Returns false where a stop was asked for first; a step that has begun is finished.
  bool run(std::stop_token stop = {});

  /// Writes model, batches and all that the run knows, whole or not at all.
  void save(std::filesystem::path const& path) const { writer().save(path); }
  /// The same as the checkpoint of `total_steps` in a folder.
  void save(CheckpointFolder& folder, std::optional<double> validation_loss = {}) const {
    folder.save(writer(), total_steps(), validation_loss);
  }
  /// Goes on from what `save` wrote, as if there had been no interruption. The model must be as new. Throws
  /// MismatchError for a file of another plan, and as CheckpointReader does.
  void restore(CheckpointReader const& file);

  [[nodiscard]] GrowthPlan const& plan() const { return plan_; }
  [[nodiscard]] bool finished() const { return stage_ == plan_.stages.size(); }
  [[nodiscard]] std::size_t stage() const { return stage_; }
  [[nodiscard]] GrowthPhase phase() const { return phase_; }
  [[nodiscard]] Index total_steps() const { return steps_before_ + steps_done(); }
  [[nodiscard]] Index total_tokens() const {
    return tokens_before_ + (trainer_ ? trainer_->total_tokens() : 0);
  }
  /// The parameters of the phase that runs.
  [[nodiscard]] ParameterTable parameters() const {
    return parameter_table(plan_, counts_, stage_, phase_);
  }

 private:
  using Backend = typename Model::Backend;
  using Block = typename std::remove_cvref_t<decltype(std::declval<Model&>().body())>::Block;
  using Head = typename Model::HeadType::template Layer<Backend>;

  /// The best validation loss on a plateau budget, and how many validations came since.
  struct Plateau {
    double best = std::numeric_limits<double>::infinity();
    Index waited = 0;
  };

  [[nodiscard]] GrowthStage const& now() const { return plan_.stages[stage_]; }
  [[nodiscard]] GrowthBudget const& budget() const {
    return phase_ == GrowthPhase::lora ? now().lora->budget : now().budget;
  }
  [[nodiscard]] PlannedSchedule const& schedule() const {
    return phase_ == GrowthPhase::lora ? now().lora->schedule : now().schedule;
  }
  [[nodiscard]] Index steps_done() const { return trainer_ ? trainer_->steps_done() : 0; }
  [[nodiscard]] bool phase_is_done() const {
    return trainer_->steps_done() >= trainer_->options().steps ||
           (budget().kind == GrowthBudget::Kind::plateau && plateau_.waited >= budget().patience);
  }

  void begin_phase();
  void step();
  void end_phase();
  /// The trainer of this phase, with moments at zero.
  void make_trainer();
  void report_phase() const;
  [[nodiscard]] Json state() const;
  [[nodiscard]] CheckpointWriter<Model> writer() const;
  void check_same_plan(Json const& saved) const;
  void restore_state(Json const& saved);

  Model& model_;
  Batches& batches_;
  GrowthPlan plan_;
  GrowthRunOptions options_;
  PartCounts counts_;
  std::size_t stage_ = 0;
  GrowthPhase phase_ = GrowthPhase::blocks;
  bool phase_has_begun_ = false;  // trainer_ is that of this phase, not of the one before
  Index steps_before_ = 0, tokens_before_ = 0;
  Plateau plateau_;
  std::unique_ptr<Trainer<Model>> trainer_;
};

/// What a model that runs `plan` is made from: `Model{backend, substrate, body_options<Model>(plan)}`.
template <class Model>
[[nodiscard]] typename Model::Options body_options(GrowthPlan const& plan) {
  return {
      .seed = plan.training.seed, .planned_depth = plan.planned_depth(), .block = plan.model.block};
}

template <GrowsByPlan Model, BatchSource Batches>
GrowthRun<Model, Batches>::GrowthRun(Model& model, Batches& batches, GrowthPlan plan,
                                     GrowthRunOptions options)
    : model_(model),
      batches_(batches),
      plan_(complete_plan(std::move(plan), model.substrate().vocabulary_size(),
                          model.substrate().width())),
      options_(std::move(options)),
      counts_(count_parts<Block, Head>(plan_)) {
  check_plan_fits(plan_, model_.describe());
  if (model_.body().depth() != 0)
    throw MismatchError(
        message("growth run: a plan begins with a model without blocks, this one has ",
                model_.body().depth()));
  if (batches_.batch() != plan_.training.batch || batches_.time() != plan_.training.time)
    throw MismatchError(message("growth run: the plan's batches are ", plan_.training.batch, " x ",
                                plan_.training.time, ", these are ", batches_.batch(), " x ",
                                batches_.time()));
  for (std::size_t i = 0; i < plan_.stages.size(); ++i) {
    auto const& stage = plan_.stages[i];
    bool const plateau = stage.budget.kind == GrowthBudget::Kind::plateau ||
                         (stage.lora && stage.lora->budget.kind == GrowthBudget::Kind::plateau);
    if (plateau && !options_.validate)
      throw ValueError(message("stages[", i,
                               "]: a plateau is seen by validations, and there is "
                               "nothing to validate with"));
  }
}

ACCRETE_END_NAMESPACE

#include <accrete/train/growth_run_checkpoint.hpp>
#include <accrete/train/growth_run_phases.hpp>
