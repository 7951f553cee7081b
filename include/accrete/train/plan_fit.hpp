/// Whether a model is the one that a growth plan means.
#pragma once

#include <string>
#include <vector>

#include <accrete/train/part_counts.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Throws MismatchError where a model's description (`model.describe()`) contradicts a complete plan. What the model does
/// not describe, as blocks of a user's own may not, is not compared.
inline void check_plan_fits(GrowthPlan const& plan, Json const& description) {
  PlannedModel const& model = plan.model;
  auto const expect = [&](std::vector<std::string> const& path, Json const& planned,
                          std::string const& key) {
    Json const* found = &description;
    for (auto const& name : path) {
      if (!found->is_object()) return;
      found = found->find(name);
      if (found == nullptr) return;
    }
    if (*found != planned)
      throw MismatchError(
          message(key, ": the plan says ", planned.dump(), ", the model's is ", found->dump()));
  };
  expect({"vocabulary_size"}, model.vocabulary_size, "model.vocabulary_size");
  if (model.embedding.kind != EmbeddingKind::own) {
    expect({"embedding", "type"}, embedding_kind_names.name_of(model.embedding.kind),
           "model.embedding.kind");
    expect({"embedding", "width"}, model.embedding.width, "model.embedding.width");
  }
  expect({"body", "block", "model_dim"}, model.block.model_dim, "model.block.model_dim");
  expect({"body", "block", "attention", "heads"}, model.block.head_count, "model.block.head_count");
  expect({"body", "block", "feed_forward", "hidden_dim"}, model.block.hidden_dim,
         "model.block.hidden_dim");
  expect({"body", "block", "norm"}, norm_kind_names.name_of(model.norm), "model.block.norm");
  expect({"body", "block", "feed_forward", "activation"},
         activation_kind_names.name_of(model.activation), "model.block.activation");
}

ACCRETE_END_NAMESPACE
