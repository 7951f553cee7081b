/// What of a model trains in one phase of a growth plan, and why.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <accrete/io/json.hpp>
#include <accrete/train/part_counts.hpp>

ACCRETE_BEGIN_NAMESPACE

struct ParameterGroup {
  std::string name{};
  Index count = 0;
  bool trains = false;
  std::string why{};
};

struct ParameterTable {
  std::vector<ParameterGroup> groups;

  [[nodiscard]] Index total() const { return sum(false); }
  [[nodiscard]] Index trainable() const { return sum(true); }

 private:
  [[nodiscard]] Index sum(bool trainable_only) const {
    Index sum = 0;
    for (auto const& group : groups) sum += group.trains || !trainable_only ? group.count : 0;
    return sum;
  }
};

namespace detail {

[[nodiscard]] inline std::string block_range(Index begin, Index count) {
  if (count == 1) return message("block ", begin);
  return message("blocks ", begin, " to ", begin + count - 1);
}

[[nodiscard]] inline ParameterGroup embedding_group(GrowthPlan const& plan, Index count,
                                                    bool first_stage) {
  PlannedEmbedding const& embedding = plan.model.embedding;
  ParameterGroup group{.name = message("embedding, ", embedding_kind_names.name_of(embedding.kind)),
                       .count = count};
  if (embedding.kind != EmbeddingKind::learned) {
    group.why = "a constant table";
  } else if (embedding.trains_until_stage == 0) {
    group.why = "the plan never trains it";
  } else {
    group.trains = first_stage;
    group.why = first_stage ? "trains until blocks are frozen above it"
                            : "trained in stage 1; the blocks above it are frozen";
  }
  return group;
}

[[nodiscard]] inline std::string comma_list(std::vector<std::string> const& words) {
  std::string text;
  for (auto const& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

/// 1234567 as "1,234,567".
[[nodiscard]] inline std::string with_commas(Index number) {
  std::string text = std::to_string(number);
  for (auto place = static_cast<std::ptrdiff_t>(text.size()) - 3; place > 0; place -= 3)
    text.insert(static_cast<std::size_t>(place), ",");
  return text;
}

}  // namespace detail

/// The groups of stage `stage` (from 0) in one of its phases. `plan` must be complete.
[[nodiscard]] inline ParameterTable parameter_table(GrowthPlan const& plan,
                                                    PartCounts const& counts, std::size_t stage,
                                                    GrowthPhase phase) {
  ParameterTable table;
  auto& groups = table.groups;
  groups.push_back(detail::embedding_group(plan, counts.embedding, stage == 0));
  Index begin = 0;
  for (std::size_t i = 0; i <= stage; ++i) {
    GrowthStage const& one = plan.stages[i];
    groups.push_back({.name = detail::block_range(begin, one.blocks),
                      .count = one.blocks * counts.block,
                      .trains = i == stage,
                      .why = i < stage
                                 ? message("trained in stage ", i + 1)
                                 : message("new; start: ", block_start_names.name_of(one.start))});
    if (i < stage) begin += one.blocks;
  }
  GrowthStage const& now = plan.stages[stage];
  if (phase == GrowthPhase::lora)
    groups.push_back(
        {.name = "adapters of " + detail::block_range(0, begin),
         .count = begin * counts.adapters[stage],
         .trains = true,
         .why = message("rank ", now.lora->adapters.rank, " on ",
                        detail::comma_list(now.lora->adapters.targets), "; merged at the end")});
  auto const by_plan = [](bool trains) {
    return trains ? "the plan trains it" : "the plan freezes it";
  };
  groups.push_back({.name = "final norm",
                    .count = counts.final_norm,
                    .trains = now.trains_final_norm,
                    .why = by_plan(now.trains_final_norm)});
  groups.push_back({.name = "classifier",
                    .count = counts.classifier,
                    .trains = now.trains_head,
                    .why = by_plan(now.trains_head)});
  return table;
}

[[nodiscard]] inline Json to_json(ParameterTable const& table) {
  Json groups = Json::array();
  for (auto const& group : table.groups)
    groups.push_back(Json::object({{"name", group.name},
                                   {"count", group.count},
                                   {"trains", group.trains},
                                   {"why", group.why}}));
  return Json::object(
      {{"groups", std::move(groups)}, {"total", table.total()}, {"trainable", table.trainable()}});
}

/// A line for each group, and their sums.
[[nodiscard]] inline std::string to_text(ParameterTable const& table) {
  std::vector<std::array<std::string, 4>> rows;
  for (auto const& group : table.groups)
    rows.push_back({group.name, detail::with_commas(group.count),
                    group.trains ? "trainable" : "frozen", group.why});
  rows.push_back({"all", detail::with_commas(table.total()), "", ""});
  rows.push_back({"trainable", detail::with_commas(table.trainable()), "", ""});
  std::size_t name_width = 0, count_width = 0;
  for (auto const& row : rows) {
    name_width = std::max(name_width, row[0].size());
    count_width = std::max(count_width, row[1].size());
  }
  std::string text;
  for (auto const& row : rows) {
    std::string line = "  " + row[0] + std::string(name_width - row[0].size() + 2, ' ');
    line += std::string(count_width - row[1].size(), ' ') + row[1];
    if (!row[2].empty()) line += "  " + row[2] + std::string(9 - row[2].size() + 2, ' ') + row[3];
    text += line + '\n';
  }
  return text;
}

ACCRETE_END_NAMESPACE
