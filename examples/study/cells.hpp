/// The cells of a study: each is one run or one merge, made in a process of its own and kept in a file of its name.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <accrete/embedding/binary_id.hpp>
#include <accrete/train/growth_plan_check.hpp>

#include "settings.hpp"

namespace study {

/// What a model stands on.
enum class Ground { glyph, bits, code, learned };
inline constexpr accrete::NameTable<Ground, 4> ground_names{{{{Ground::glyph, "glyph"},
                                                              {Ground::bits, "16-bit"},
                                                              {Ground::code, "code"},
                                                              {Ground::learned, "learned"}}}};

/// How it is trained: every protocol sees the same tokens in the same order.
enum class Protocol { grown, lora, zero, monolithic };
inline constexpr accrete::NameTable<Protocol, 4> protocol_names{
    {{{Protocol::grown, "grown"},
      {Protocol::lora, "grown+lora"},
      {Protocol::zero, "grown+zero"},
      {Protocol::monolithic, "monolithic"}}}};

/// What it is trained on: everything, or one of two halves that share no document.
enum class Diet { all, first, second };

enum class Task { run, union_run, merge, cache };

struct Cell {
  Task task = Task::run;
  Ground ground = Ground::glyph;
  Protocol protocol = Protocol::grown;
  Diet diet = Diet::all;
  Index seed = 1;

  /// "glyph-grown-1", "glyph-expert-a-1", "glyph-union-1", "glyph-merge-1", "glyph-cache-1"
  [[nodiscard]] std::string name() const {
    std::string const begin = std::string(ground_names.name_of(ground)) + "-";
    std::string const end = "-" + std::to_string(seed);
    switch (task) {
      case Task::union_run:
        return begin + "union" + end;
      case Task::merge:
        return begin + "merge" + end;
      case Task::cache:
        return begin + "cache" + end;
      case Task::run:
        break;
    }
    if (diet == Diet::all) return begin + std::string(protocol_names.name_of(protocol)) + end;
    return begin + (diet == Diet::first ? "expert-a" : "expert-b") + end;
  }
  /// The two experts that a merge merges.
  [[nodiscard]] Cell expert(Diet which) const {
    return {.task = Task::run,
            .ground = ground,
            .protocol = Protocol::grown,
            .diet = which,
            .seed = seed};
  }
};

/// All cells in the order in which they are made; a merge stands behind its experts.
[[nodiscard]] inline std::vector<Cell> all_cells(Scale const& scale) {
  std::vector<Cell> cells;
  auto const is_paired = [](Ground ground, Protocol protocol) {
    bool const compared = ground == Ground::glyph || ground == Ground::learned;
    return (compared && (protocol == Protocol::grown || protocol == Protocol::monolithic)) ||
           protocol == Protocol::zero;
  };
  // Seed by seed, so that an interrupted study has something of every cell.
  for (Index seed = 1; seed <= std::max(scale.pair_seeds, scale.seeds); ++seed) {
    for (Ground const ground : {Ground::glyph, Ground::learned, Ground::bits, Ground::code})
      for (Protocol const protocol :
           {Protocol::grown, Protocol::monolithic, Protocol::lora, Protocol::zero}) {
        if (protocol == Protocol::zero && ground != Ground::glyph) continue;
        if (seed <= (is_paired(ground, protocol) ? scale.pair_seeds : scale.seeds))
          cells.push_back({.ground = ground, .protocol = protocol, .seed = seed});
      }
    for (Ground const ground : {Ground::glyph, Ground::learned, Ground::bits}) {
      if (seed > (ground == Ground::bits ? scale.seeds : scale.pair_seeds)) continue;
      Cell const merge{.task = Task::merge, .ground = ground, .seed = seed};
      for (Diet const diet : {Diet::first, Diet::second}) cells.push_back(merge.expert(diet));
      if (ground == Ground::glyph) cells.push_back({.task = Task::union_run, .seed = seed});
      cells.push_back(merge);
    }
    if (seed <= scale.seeds) cells.push_back({.task = Task::cache, .seed = seed});
  }
  return cells;
}

/// The plan of a run. Blocks, steps and tokens are the same for all protocols.
[[nodiscard]] inline accrete::GrowthPlan plan_of(Cell const& cell, Scale const& scale) {
  bool const is_union = cell.task == Task::union_run;
  Index const width = is_union ? scale.union_dim : scale.model_dim;
  accrete::GrowthPlan plan;
  plan.name = cell.name();
  plan.model.block = {.model_dim = width,
                      .head_count = is_union ? scale.union_heads : scale.heads,
                      .hidden_dim = 4 * width};
  plan.model.embedding.kind = cell.ground == Ground::glyph  ? accrete::EmbeddingKind::frozen_glyph
                              : cell.ground == Ground::bits ? accrete::EmbeddingKind::binary_id
                              : cell.ground == Ground::code ? accrete::EmbeddingKind::random_code
                                                            : accrete::EmbeddingKind::learned;
  if (cell.ground == Ground::bits)
    plan.model.embedding.width = accrete::BinaryIdEmbedding::width_for(scale.vocabulary, width);
  if (cell.ground == Ground::code) plan.model.embedding.width = 64;
  plan.training.seed = static_cast<std::uint64_t>(cell.seed);
  plan.training.batch = scale.batch;
  plan.training.time = scale.time;

  Index const steps = scale.stage_steps * (is_union ? 2 : 1);
  auto const schedule_for = [&](Index count) {
    return accrete::PlannedSchedule{.warmup_steps = std::max<Index>(count / 20, 1),
                                    .learning_rate = scale.learning_rate};
  };
  auto const stage_of = [&](Index blocks, Index count) {
    accrete::GrowthStage stage;
    stage.blocks = blocks;
    stage.budget.amount = count;
    stage.schedule = schedule_for(count);
    return stage;
  };
  if (cell.protocol == Protocol::monolithic) {
    plan.stages.push_back(stage_of(3 * scale.stage_blocks, 3 * steps));
    return plan;
  }
  for (int number = 0; number < 3; ++number) {
    bool const adapts = cell.protocol == Protocol::lora && number > 0;
    Index const adapting = adapts ? steps / 3 : 0;
    auto stage = stage_of(scale.stage_blocks, steps - adapting);
    if (cell.protocol == Protocol::zero && number > 0)
      stage.start = accrete::BlockStart::zero_output;
    if (adapts) {
      stage.lora.emplace();
      stage.lora->budget.amount = adapting;
      stage.lora->schedule = schedule_for(adapting);
      stage.lora->schedule.learning_rate = scale.learning_rate / 2;
      stage.lora->moments = accrete::MomentsPolicy::kept;
    }
    plan.stages.push_back(std::move(stage));
  }
  return plan;
}

}  // namespace study
