/// How many parameters the parts of a planned model have, found without memory for any of them.
#pragma once

#include <string>
#include <vector>

#include <accrete/nn/adapter_set.hpp>
#include <accrete/train/growth_plan_check.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Numbers of values. Published totals include the table of the embedding, frozen or not.
struct PartCounts {
  Index embedding = 0;          ///< V x width
  Index block = 0;              ///< of one block
  Index final_norm = 0;         ///< of the head's norm
  Index classifier = 0;         ///< of the rest of the head
  std::vector<Index> adapters;  ///< of one block, in each stage's LoRA phase; 0 where there is none
};

/// The plan with V and the embedding's width filled in for a substrate of `vocabulary_size` tokens and rows of `width`.
/// Throws ValueError where the plan says another V, a wider glyph table, or cannot be checked.
[[nodiscard]] inline GrowthPlan complete_plan(GrowthPlan plan, Index vocabulary_size, Index width) {
  PlannedModel& model = plan.model;
  PlannedEmbedding& embedding = model.embedding;
  if (model.vocabulary_size == 0) model.vocabulary_size = vocabulary_size;
  if (model.vocabulary_size == 0)
    throw ValueError(
        "model.vocabulary_size: the plan leaves it to the substrate, and there is none");
  if (vocabulary_size != 0 && vocabulary_size != model.vocabulary_size)
    throw ValueError(message("model.vocabulary_size: the plan is for ", model.vocabulary_size,
                             " tokens, the substrate has ", vocabulary_size));
  if (embedding.kind == EmbeddingKind::frozen_glyph) {
    if (embedding.width == 0) embedding.width = width;
    if (embedding.width == 0)
      throw ValueError(
          "model.embedding.width: the plan leaves it to the substrate, and there is none");
    if (width != 0 && width != embedding.width)
      throw ValueError(message("model.embedding.width: the plan is for rows of ", embedding.width,
                               ", the substrate's have ", width));
  }
  check(plan);
  if (embedding.kind == EmbeddingKind::learned) embedding.width = model.block.model_dim;
  if (embedding.kind == EmbeddingKind::binary_id)
    embedding.width = BinaryIdEmbedding::width_for(model.vocabulary_size, model.block.model_dim);
  return plan;
}

/// Counts of a complete plan for blocks of type `Block` under a head of type `Head` (`LinearHead<>::Layer<Backend>`).
/// Throws ValueError with the path where the types cannot have the planned sizes or adapters.
template <class Block, class Head>
[[nodiscard]] PartCounts count_parts(GrowthPlan const& plan) {
  PlannedModel const& model = plan.model;
  PartCounts counts{.embedding = model.vocabulary_size * model.embedding.width, .adapters = {}};
  std::string path = "model.block";
  try {
    Block const block(model.block);
    counts.block = parameter_count(block);
    Head const head(block.model_dim(), model.vocabulary_size);
    for_each_parameter(head, "", [&](std::string const& name, auto const& parameter) {
      (name.starts_with("norm.") ? counts.final_norm : counts.classifier) += parameter.count();
    });
    for (std::size_t i = 0; i < plan.stages.size(); ++i) {
      Index& adapters = counts.adapters.emplace_back(0);
      auto const& lora = plan.stages[i].lora;
      if (!lora) continue;
      path = message("stages[", i, "].lora");
      if constexpr (NamesLinearMaps<Block>)
        AdapterSet<Block>::for_each_planned(
            block, lora->adapters, 1,
            [&](std::string const&, auto const& parameter) { adapters += parameter.count(); });
      else
        throw ValueError("blocks of this type name no linear maps that could be adapted");
    }
  } catch (Error const& error) {
    throw ValueError(message(path, ": ", error.what()));
  }
  return counts;
}

ACCRETE_END_NAMESPACE
