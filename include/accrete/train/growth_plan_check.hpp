/// What a growth plan cannot mean, found before any training begins.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include <accrete/embedding/binary_id.hpp>
#include <accrete/train/growth_plan.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

class GrowthPlanCheck {
 public:
  explicit GrowthPlanCheck(GrowthPlan const& plan) : plan_(plan) {}
  void run() const;

 private:
  template <class... Reason>
  [[noreturn]] static void refuse(std::string const& path, Reason const&... reason) {
    throw ValueError(message(path, ": ", reason...));
  }
  template <class... Reason>
  static void require(bool holds, std::string const& path, Reason const&... reason) {
    if (!holds) refuse(path, reason...);
  }
  static void require_size(Index size, std::string const& path, Index least = 1) {
    require(size >= least && size <= largest, path, "expected ", least, " to ", largest, ", got ",
            size);
  }
  /// `check()` throws ValueError; the path goes before what it says.
  template <class Check>
  static void at(std::string const& path, Check&& check) try {
    check();
  } catch (Error const& error) {
    refuse(path, error.what());
  }

  void check_model() const;
  void check_embedding() const;
  void check_training() const;
  void check_budget(GrowthBudget const& budget, std::string const& path) const;
  void check_schedule(PlannedSchedule const& schedule, GrowthBudget const& budget,
                      std::string const& path) const;
  void check_stage(std::size_t index) const;
  void check_lora(LoraPhase const& lora, std::string const& path) const;

  static constexpr Index largest = Index{1} << 31;  // of any one size
  static constexpr Index most_steps = Index{1} << 53;
  static constexpr Index most_blocks = 65536;

  GrowthPlan const& plan_;
};

inline void GrowthPlanCheck::run() const {
  check_model();
  check_training();
  require(!plan_.stages.empty(), "stages", "a plan needs at least one stage");
  for (std::size_t i = 0; i < plan_.stages.size(); ++i)  // all of them first: they are added up
    require(plan_.stages[i].blocks >= 1 && plan_.stages[i].blocks <= most_blocks,
            message("stages[", i, "].blocks"), "expected 1 to ", most_blocks,
            " blocks to add, got ", plan_.stages[i].blocks);
  for (std::size_t i = 0; i < plan_.stages.size(); ++i) check_stage(i);
}

inline void GrowthPlanCheck::check_model() const {
  PlannedModel const& model = plan_.model;
  require_size(model.vocabulary_size, "model.vocabulary_size", 0);
  BlockConfig const& block = model.block;
  require_size(block.model_dim, "model.block.model_dim");
  require_size(block.head_count, "model.block.head_count");
  require_size(block.hidden_dim, "model.block.hidden_dim");
  require(block.model_dim % block.head_count == 0, "model.block.head_count", "the ",
          block.model_dim, " channels of model_dim cannot be shared out among ", block.head_count,
          " heads");
  require_size(model.planned_depth, "model.planned_depth", 0);
  check_embedding();
}

inline void GrowthPlanCheck::check_embedding() const {
  PlannedEmbedding const& embedding = plan_.model.embedding;
  Index const channels = plan_.model.block.model_dim, vocabulary = plan_.model.vocabulary_size;
  std::string const path = "model.embedding", width_path = path + ".width";
  auto const kind = embedding_kind_names.name_of(embedding.kind);
  require_size(embedding.width, width_path, 0);
  bool const learned = embedding.kind == EmbeddingKind::learned;
  Index const until = embedding.trains_until_stage;
  require(learned || until == 1, path + ".trains_until_stage", "an embedding of kind ", kind,
          " has nothing that trains");
  require(until == 0 || until == 1, path + ".trains_until_stage", "expected 0 or 1, got ", until,
          ": from stage 2 on the blocks above the embedding are frozen, and what stands below a "
          "frozen prefix does not train");
  if (learned)
    return require(embedding.width == 0 || embedding.width == channels, width_path,
                   "a learned embedding is as wide as model_dim, ", channels, ", got ",
                   embedding.width);
  bool const own_width =
      embedding.kind == EmbeddingKind::frozen_glyph || embedding.kind == EmbeddingKind::binary_id;
  require(embedding.width > 0 || own_width, width_path, "an embedding of kind ", kind,
          " needs a width");
  require(embedding.width == 0 || channels % embedding.width == 0, width_path, "model_dim ",
          channels, " is no multiple of the width ", embedding.width,
          ", so rows cannot be expanded by repetition");
  if (vocabulary == 0) return;
  if (embedding.kind == EmbeddingKind::binary_id)
    at(width_path, [&] {
      Index const width = BinaryIdEmbedding::width_for(vocabulary, channels);
      if (embedding.width != 0 && embedding.width != width)
        throw ValueError(message("binary ids below ", vocabulary, " take ", width,
                                 " bits of model_dim ", channels, ", got ", embedding.width));
    });
  if (embedding.kind == EmbeddingKind::random_code)
    require(embedding.width >= 31 || vocabulary <= Index{1} << embedding.width, width_path,
            vocabulary, " tokens cannot all differ in ", embedding.width, " bits");
}

inline void GrowthPlanCheck::check_training() const {
  PlannedTraining const& training = plan_.training;
  std::string const path = "training.";
  constexpr Index most = Index{1} << 20;
  auto const require_at_most = [&](char const* key, Index value, Index least) {
    require(value >= least && value <= most, path + key, "expected ", least, " to ", most, ", got ",
            value);
  };
  require_at_most("batch", training.batch, 1);
  require_at_most("time", training.time, 1);
  require_at_most("accumulation", training.accumulation, 1);
  require(training.seed <= std::uint64_t{1} << 53, path + "seed", "expected at most 2^53, got ",
          training.seed);
  require(training.clip_norm >= 0 && std::isfinite(training.clip_norm), path + "clip_norm",
          "expected 0 or more, got ", training.clip_norm);
  require(training.validate_every >= 0, path + "validate_every", "expected 0 or more, got ",
          training.validate_every);
  require(training.validation_tokens >= 1, path + "validation_tokens", "expected 1 or more, got ",
          training.validation_tokens);
  at("training", [&] { plan_.optimizer({}).check(); });
}

inline void GrowthPlanCheck::check_budget(GrowthBudget const& budget,
                                          std::string const& path) const {
  bool const plateau = budget.kind == GrowthBudget::Kind::plateau;
  std::string const key = budget.kind == GrowthBudget::Kind::tokens  ? ".tokens"
                          : budget.kind == GrowthBudget::Kind::steps ? ".steps"
                                                                     : ".plateau.most_steps";
  require(budget.amount >= 1 && budget.amount <= most_steps, path + key,
          "expected a positive number, got ", budget.amount);
  if (!plateau) return;
  require(budget.patience >= 1, path + ".plateau.patience", "expected at least 1 validation, got ",
          budget.patience);
  require(budget.minimal_improvement >= 0 && std::isfinite(budget.minimal_improvement),
          path + ".plateau.minimal_improvement", "expected 0 or more, got ",
          budget.minimal_improvement);
  require(plan_.training.validate_every > 0, path + ".plateau",
          "a plateau is seen by validations, but training.validate_every is 0");
}

inline void GrowthPlanCheck::check_schedule(PlannedSchedule const& schedule,
                                            GrowthBudget const& budget,
                                            std::string const& path) const {
  at(path + ".learning_rate", [&] { plan_.optimizer(schedule).check(); });
  require(schedule.final_factor >= 0 && schedule.final_factor <= 1, path + ".final_factor",
          "expected 0 to 1, got ", schedule.final_factor);
  Index const steps = budget.steps(plan_.training.tokens_per_step());
  require(schedule.warmup_steps >= 0 && schedule.warmup_steps <= steps, path + ".warmup_steps",
          "expected 0 to ", steps, ", the steps of the budget, got ", schedule.warmup_steps);
}

inline void GrowthPlanCheck::check_stage(std::size_t index) const {
  GrowthStage const& stage = plan_.stages[index];
  std::string const path = message("stages[", index, "]");
  Index const below = plan_.depth_after(index);
  require(below + stage.blocks <= plan_.planned_depth(), path + ".blocks", "the ", stage.blocks,
          " new blocks reach a depth of ", below + stage.blocks,
          ", beyond model.planned_depth, which is ", plan_.planned_depth());
  at(path + ".start", [&] { static_cast<void>(place_blocks(stage.start, below, stage.blocks)); });
  require(stage.moments != MomentsPolicy::copied || copies_blocks(stage.start) || index == 0,
          path + ".moments", "moments are copied with blocks that start as copies, these start as ",
          block_start_names.name_of(stage.start));
  check_budget(stage.budget, path + ".budget");
  check_schedule(stage.schedule, stage.budget, path + ".schedule");
  if (!stage.lora) return;
  require(below > 0, path + ".lora",
          "adapters are for frozen blocks, and none is frozen in the first stage");
  check_lora(*stage.lora, path + ".lora");
}

inline void GrowthPlanCheck::check_lora(LoraPhase const& lora, std::string const& path) const {
  AdapterOptions const& adapters = lora.adapters;
  Index const width = plan_.model.block.model_dim;
  require(adapters.rank >= 1 && adapters.rank <= width, path + ".rank", "expected 1 to ", width,
          ", the width of the blocks, got ", adapters.rank);
  require(std::isfinite(adapters.alpha) && adapters.alpha != 0, path + ".alpha",
          "expected a number other than 0, got ", adapters.alpha);
  require(!adapters.targets.empty(), path + ".targets", "expected at least one linear map");
  std::set<std::string> const different(adapters.targets.begin(), adapters.targets.end());
  require(different.size() == adapters.targets.size(), path + ".targets", "a map is named twice");
  require(lora.moments != MomentsPolicy::copied, path + ".moments",
          "nothing is copied where adapters are added; expected fresh or kept");
  check_budget(lora.budget, path + ".budget");
  check_schedule(lora.schedule, lora.budget, path + ".schedule");
}

}  // namespace detail

/// Throws ValueError with the path of what cannot be meant: "stages[2].lora.rank: expected 1 to 1024, ...".
inline void check(GrowthPlan const& plan) {
  detail::GrowthPlanCheck(plan).run();
}

ACCRETE_END_NAMESPACE
