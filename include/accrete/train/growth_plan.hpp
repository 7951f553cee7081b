/// A growth plan: what a model becomes, stage by stage, and how each stage trains. A value; as a file see
/// growth_plan_json.hpp, what cannot be meant see growth_plan_check.hpp, what runs it see growth_run.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <accrete/core/name_table.hpp>
#include <accrete/nn/adapter.hpp>
#include <accrete/nn/block_config.hpp>
#include <accrete/nn/block_start.hpp>
#include <accrete/train/adamw.hpp>
#include <accrete/train/moments.hpp>
#include <accrete/train/schedule.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The embeddings that a plan can name; `own` is a policy of the user's without parameters that train.
enum class EmbeddingKind {
  frozen_glyph,
  binary_id,
  random_code,
  random_float,
  leading_components,
  learned,
  own
};

inline constexpr NameTable<EmbeddingKind, 7> embedding_kind_names{
    {{{EmbeddingKind::frozen_glyph, "frozen_glyph"},
      {EmbeddingKind::binary_id, "binary_id"},
      {EmbeddingKind::random_code, "random_code"},
      {EmbeddingKind::random_float, "random_float"},
      {EmbeddingKind::leading_components, "leading_components"},
      {EmbeddingKind::learned, "learned"},
      {EmbeddingKind::own, "own"}}}};

enum class NormKind { layer_norm, rms_norm };
inline constexpr NameTable<NormKind, 2> norm_kind_names{
    {{{NormKind::layer_norm, "layer_norm"}, {NormKind::rms_norm, "rms_norm"}}}};

enum class ActivationKind { gelu, swiglu };
inline constexpr NameTable<ActivationKind, 2> activation_kind_names{
    {{{ActivationKind::gelu, "gelu"}, {ActivationKind::swiglu, "swiglu"}}}};

struct PlannedEmbedding {
  EmbeddingKind kind = EmbeddingKind::frozen_glyph;
  Index width = 0;               ///< n_embed; 0: that of the substrate, room for ids, or model_dim
  Index trains_until_stage = 1;  ///< learned: 1, while no block is frozen above it, or 0, never
};

struct PlannedModel {
  Index vocabulary_size = 0;  ///< V; 0: that of the substrate
  PlannedEmbedding embedding{};
  BlockConfig block{};
  NormKind norm = NormKind::layer_norm;
  ActivationKind activation = ActivationKind::gelu;
  Index planned_depth = 0;  ///< L in the scale of residual outputs; 0: all blocks of all stages
};

/// What all stages share.
struct PlannedTraining {
  std::uint64_t seed = 1;  ///< of initial values and of the data's order
  Index batch = 8;         ///< B
  Index time = 256;        ///< T
  Index accumulation = 1;  ///< batches a step
  double clip_norm = 1.0;
  double beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, weight_decay = 0.1;
  Index validate_every = 0;           ///< steps between validations; 0: none
  Index validation_tokens = 1 << 16;  ///< of each validation shard, at most

  [[nodiscard]] Index tokens_per_step() const { return batch * time * accumulation; }
};

/// When a phase ends: after so many steps, after so many tokens (rounded up to whole steps), or on a plateau, when
/// `patience` validations in a row have not brought the loss `minimal_improvement` nats below its best, and at the
/// latest after `amount` steps.
struct GrowthBudget {
  enum class Kind { steps, tokens, plateau };
  Kind kind = Kind::steps;
  Index amount = 1000;
  Index patience = 0;
  double minimal_improvement = 0;

  /// At most.
  [[nodiscard]] Index steps(Index tokens_per_step) const {
    return kind == Kind::tokens ? (amount + tokens_per_step - 1) / tokens_per_step : amount;
  }
};

/// Each phase begins with a warm-up of its own. On a plateau budget the schedule is that of the most steps.
struct PlannedSchedule {
  Schedule::Shape shape = Schedule::Shape::cosine;
  Index warmup_steps = 0;
  double learning_rate = 3e-4;  ///< at its highest
  double final_factor = 0.1;
};

/// After a stage's own training: adapters on all frozen blocks train together with what trained before, and are merged
/// into the weights when the budget is spent.
struct LoraPhase {
  AdapterOptions adapters{};
  GrowthBudget budget{};
  PlannedSchedule schedule{};
  MomentsPolicy moments = MomentsPolicy::fresh;
};

struct GrowthStage {
  Index blocks = 0;  ///< to add; all earlier ones freeze
  BlockStart start = BlockStart::random;
  GrowthBudget budget{};
  PlannedSchedule schedule{};
  bool trains_head = true;        ///< the classifier
  bool trains_final_norm = true;  ///< before the classifier
  MomentsPolicy moments = MomentsPolicy::fresh;
  std::optional<LoraPhase> lora{};
};

struct GrowthPlan {
  std::string name{}, about{};
  PlannedModel model{};
  PlannedTraining training{};
  std::vector<GrowthStage> stages{};

  /// Blocks after the first `stages` stages.
  [[nodiscard]] Index depth_after(std::size_t count) const {
    Index depth = 0;
    for (std::size_t i = 0; i < count && i < stages.size(); ++i) depth += stages[i].blocks;
    return depth;
  }
  [[nodiscard]] Index depth() const { return depth_after(stages.size()); }
  [[nodiscard]] Index planned_depth() const {
    return model.planned_depth > 0 ? model.planned_depth : depth();
  }
  [[nodiscard]] AdamW optimizer(PlannedSchedule const& schedule) const {
    return {.learning_rate = schedule.learning_rate,
            .beta1 = training.beta1,
            .beta2 = training.beta2,
            .epsilon = training.epsilon,
            .weight_decay = training.weight_decay};
  }
};

/// The two parts that a stage may have.
enum class GrowthPhase { blocks, lora };
inline constexpr NameTable<GrowthPhase, 2> growth_phase_names{
    {{{GrowthPhase::blocks, "blocks"}, {GrowthPhase::lora, "lora"}}}};

ACCRETE_END_NAMESPACE
