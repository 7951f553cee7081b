/// Growth plans as JSON files. Every key and its meaning: docs/reference/growth-plan.md.
#pragma once

#include <filesystem>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <accrete/core/nearest_name.hpp>
#include <accrete/io/file.hpp>
#include <accrete/io/format_version.hpp>
#include <accrete/io/json.hpp>
#include <accrete/text/json_path_reader.hpp>
#include <accrete/train/growth_plan_check.hpp>

ACCRETE_BEGIN_NAMESPACE

inline constexpr std::string_view growth_plan_format = "accrete growth plan";
inline constexpr Index growth_plan_version = 1;
/// More than any plan means: a file of a few megabytes must not become gigabytes.
inline constexpr std::size_t most_stages = 1024, most_targets = 64, most_target_bytes = 64;

namespace detail {

/// Reads a plan member by member. Each `read_x(x)` changes what the text names and leaves the rest of x as it was.
class GrowthPlanReader {
 public:
  GrowthPlanReader(std::string_view text, std::string_view source) : reader_(text, source) {}
  [[nodiscard]] GrowthPlan read();

 private:
  struct Member {
    std::string_view key;
    std::function<void()> read;
  };
  /// An object with these keys and no others, in any order.
  void members(std::initializer_list<Member> known);

  void read_model(PlannedModel& model);
  void read_embedding(PlannedEmbedding& embedding);
  void read_block(PlannedModel& model);
  void read_training(PlannedTraining& training);
  void read_stage(GrowthStage& stage, bool is_default);
  void read_budget(GrowthBudget& budget);
  void read_schedule(PlannedSchedule& schedule);
  void read_lora(LoraPhase& lora);

  void read(std::string& text) { text = reader_.string(); }
  void read(bool& flag) { flag = reader_.boolean(); }
  void read(Index& number) { number = reader_.integer<Index>(); }
  void read(std::uint64_t& number) { number = reader_.integer<std::uint64_t>(); }
  void read(double& number) { number = reader_.number(); }
  template <class Value, std::size_t Count>
  void read(Value& value, NameTable<Value, Count> const& names);
  /// A member that reads into `to`.
  template <class T, class... Names>
  Member into(std::string_view key, T& to, Names const&... names) {
    return {key, [this, &to, &names...] { read(to, names...); }};
  }

  JsonPathReader reader_;
};

inline void GrowthPlanReader::members(std::initializer_list<Member> known) {
  reader_.object([&](std::string_view key) {
    std::vector<std::string_view> keys;
    for (Member const& member : known) {
      if (member.key == key) return member.read();
      keys.push_back(member.key);
    }
    reader_.refuse(reader_.json().key_offset(), "an unknown key; the nearest known one is ",
                   nearest_name(key, keys));
  });
}

template <class Value, std::size_t Count>
void GrowthPlanReader::read(Value& value, NameTable<Value, Count> const& names) {
  std::uint64_t const offset = reader_.offset();
  std::string const name = reader_.string();
  auto const found = names.find(name);
  if (!found)
    reader_.refuse(offset, "expected ", names.list(), ", got ", excerpt(name), "; the nearest is ",
                   nearest_name(name, names.names()));
  value = *found;
}

inline GrowthPlan GrowthPlanReader::read() {
  GrowthPlan plan;
  GrowthStage defaults;
  std::string format;
  Index version = growth_plan_version;
  bool has_stages = false;
  members({into("format", format),
           into("version", version),
           into("name", plan.name),
           into("about", plan.about),
           {"model", [&] { read_model(plan.model); }},
           {"training", [&] { read_training(plan.training); }},
           {"defaults",
            [&] {
              if (has_stages)
                reader_.refuse(reader_.json().key_offset(), "must stand before the stages");
              read_stage(defaults, true);
            }},
           {"stages", [&] {
              has_stages = true;
              reader_.array([&](std::size_t index) {
                if (index == most_stages)
                  reader_.refuse(reader_.offset(), "expected at most ", most_stages, " stages");
                plan.stages.push_back(defaults);
                read_stage(plan.stages.back(), false);
              });
            }}});
  reader_.json().end_of_text();
  if (format != growth_plan_format)
    reader_.refuse(0, "expected a file whose format is \"", growth_plan_format, "\", got ",
                   excerpt(format));
  if (version != growth_plan_version)
    reader_.refuse(0, "it has version ", version, ", this library reads version ",
                   growth_plan_version, advice_on_version(version, growth_plan_version));
  return plan;
}

inline void GrowthPlanReader::read_model(PlannedModel& model) {
  members({into("vocabulary_size", model.vocabulary_size),
           into("planned_depth", model.planned_depth),
           {"embedding", [&] { read_embedding(model.embedding); }},
           {"block", [&] { read_block(model); }}});
}

inline void GrowthPlanReader::read_embedding(PlannedEmbedding& embedding) {
  members({into("kind", embedding.kind, embedding_kind_names), into("width", embedding.width),
           into("trains_until_stage", embedding.trains_until_stage)});
}

inline void GrowthPlanReader::read_block(PlannedModel& model) {
  members({into("model_dim", model.block.model_dim), into("head_count", model.block.head_count),
           into("hidden_dim", model.block.hidden_dim), into("norm", model.norm, norm_kind_names),
           into("activation", model.activation, activation_kind_names)});
}

inline void GrowthPlanReader::read_training(PlannedTraining& training) {
  members({into("seed", training.seed), into("batch", training.batch), into("time", training.time),
           into("accumulation", training.accumulation), into("clip_norm", training.clip_norm),
           into("beta1", training.beta1), into("beta2", training.beta2),
           into("epsilon", training.epsilon), into("weight_decay", training.weight_decay),
           into("validate_every", training.validate_every),
           into("validation_tokens", training.validation_tokens)});
}

inline void GrowthPlanReader::read_stage(GrowthStage& stage, bool is_default) {
  members(
      {{"blocks",
        [&] {
          if (is_default)
            reader_.refuse(reader_.json().key_offset(), "each stage says its own number");
          read(stage.blocks);
        }},
       into("start", stage.start, block_start_names),
       {"budget", [&] { read_budget(stage.budget); }},
       {"schedule", [&] { read_schedule(stage.schedule); }},
       {"train",
        [&] {
          members({into("head", stage.trains_head), into("final_norm", stage.trains_final_norm)});
        }},
       into("moments", stage.moments, moments_policy_names),
       {"lora", [&] {
          if (reader_.null()) return stage.lora.reset();
          if (!stage.lora) stage.lora.emplace();
          read_lora(*stage.lora);
        }}});
}

inline void GrowthPlanReader::read_budget(GrowthBudget& budget) {
  std::uint64_t const offset = reader_.offset();
  int kinds = 0;
  auto const set = [&](GrowthBudget::Kind kind) {
    budget = {.kind = kind, .amount = 0};
    ++kinds;
  };
  auto const amount_of = [&](GrowthBudget::Kind kind) {
    return [&, kind] { set(kind), read(budget.amount); };
  };
  members({{"steps", amount_of(GrowthBudget::Kind::steps)},
           {"tokens", amount_of(GrowthBudget::Kind::tokens)},
           {"plateau", [&] {
              set(GrowthBudget::Kind::plateau);
              members({into("patience", budget.patience),
                       into("minimal_improvement", budget.minimal_improvement),
                       into("most_steps", budget.amount)});
            }}});
  if (kinds != 1) reader_.refuse(offset, "expected one of steps, tokens and plateau, got ", kinds);
}

inline void GrowthPlanReader::read_schedule(PlannedSchedule& schedule) {
  members({into("shape", schedule.shape, schedule_shape_names),
           into("warmup_steps", schedule.warmup_steps),
           into("learning_rate", schedule.learning_rate),
           into("final_factor", schedule.final_factor)});
}

inline void GrowthPlanReader::read_lora(LoraPhase& lora) {
  members({into("rank", lora.adapters.rank),
           into("alpha", lora.adapters.alpha),
           {"targets",
            [&] {
              lora.adapters.targets.clear();
              reader_.array([&](std::size_t index) {
                std::uint64_t const offset = reader_.offset();
                std::string target = reader_.string();
                if (index == most_targets || target.size() > most_target_bytes)
                  reader_.refuse(offset, "expected at most ", most_targets, " targets of at most ",
                                 most_target_bytes, " bytes");
                lora.adapters.targets.push_back(std::move(target));
              });
            }},
           {"budget", [&] { read_budget(lora.budget); }},
           {"schedule", [&] { read_schedule(lora.schedule); }},
           into("moments", lora.moments, moments_policy_names)});
}

}  // namespace detail

/// The plan that `text` holds. Throws FileError: with the offset and the path of a key that is unknown or a value of
/// another kind, with the path alone of what cannot be meant.
[[nodiscard]] inline GrowthPlan parse_growth_plan(std::string_view text, std::string_view source) {
  GrowthPlan plan = detail::GrowthPlanReader(text, source).read();
  try {
    check(plan);
  } catch (ValueError const& error) {
    throw FileError(std::string(source), error.what());
  }
  return plan;
}

[[nodiscard]] inline GrowthPlan load_growth_plan(std::filesystem::path const& path) {
  constexpr std::uint64_t most_bytes = std::uint64_t{1} << 24;
  return parse_growth_plan(read_file(path, most_bytes), path.string());
}

ACCRETE_END_NAMESPACE
