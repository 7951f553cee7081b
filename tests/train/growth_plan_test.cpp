#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <accrete/train/growth_plan_writer.hpp>

#include "support/error_text.hpp"
#include "support/mutants.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(growth_plan)

namespace {

std::string const whole_plan = R"({
  "format": "accrete growth plan", "version": 1, "name": "three",
  "model": {"vocabulary_size": 64, "planned_depth": 6, "embedding": {"kind": "binary_id", "width": 8},
            "block": {"model_dim": 16, "head_count": 2, "hidden_dim": 64, "norm": "rms_norm"}},
  "training": {"seed": 7, "batch": 4, "time": 8, "accumulation": 2, "validate_every": 5},
  "defaults": {"schedule": {"shape": "linear", "warmup_steps": 2, "learning_rate": 1e-3}, "budget": {"steps": 20}},
  "stages": [
    {"blocks": 2},
    {"blocks": 2, "start": "copy_top", "moments": "copied", "budget": {"tokens": 1000}, "train": {"head": false}},
    {"blocks": 2, "schedule": {"final_factor": 0.5},
     "budget": {"plateau": {"patience": 3, "minimal_improvement": 0.01, "most_steps": 100}},
     "lora": {"rank": 4, "alpha": 8, "targets": ["attention.value"], "budget": {"steps": 10}, "moments": "kept"}}
  ]
})";

std::string with(std::string const& from, std::string const& to, std::string text = whole_plan) {
  std::size_t const place = text.find(from);
  BOOST_TEST_REQUIRE(place != std::string::npos, from << " does not stand in the plan");
  return text.replace(place, from.size(), to);
}

void refuse(std::string const& text, std::string const& sentence) {
  BOOST_TEST_CONTEXT(sentence) {
    BOOST_CHECK_EXCEPTION(static_cast<void>(parse_growth_plan(text, "plan.json")), FileError,
                          says("plan.json: ", sentence));
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(plan_means_what_its_text_says) {
  GrowthPlan const plan = parse_growth_plan(whole_plan, "plan.json");
  BOOST_TEST(plan.name == "three");
  BOOST_TEST(plan.model.vocabulary_size == 64);
  BOOST_TEST((plan.model.embedding.kind == EmbeddingKind::binary_id));
  BOOST_TEST((plan.model.block == BlockConfig{.model_dim = 16, .head_count = 2, .hidden_dim = 64}));
  BOOST_TEST((plan.model.norm == NormKind::rms_norm));
  BOOST_TEST((plan.model.activation == ActivationKind::gelu));
  BOOST_TEST(plan.training.tokens_per_step() == 64);
  BOOST_TEST_REQUIRE(plan.stages.size() == 3U);
  auto const& [first, second, third] = std::tie(plan.stages[0], plan.stages[1], plan.stages[2]);
  BOOST_TEST((first.start == BlockStart::random));
  BOOST_TEST(first.budget.steps(64) == 20);
  BOOST_TEST((second.start == BlockStart::copy_top));
  BOOST_TEST((second.moments == MomentsPolicy::copied));
  BOOST_TEST(second.budget.steps(64) == 16);  // 1000 tokens, rounded up to steps of 64
  BOOST_TEST(!second.trains_head);
  BOOST_TEST(second.trains_final_norm);
  BOOST_TEST((third.schedule.shape == Schedule::Shape::linear));  // of the defaults
  BOOST_TEST(third.schedule.final_factor == 0.5);
  BOOST_TEST((third.budget.kind == GrowthBudget::Kind::plateau));
  BOOST_TEST(third.budget.patience == 3);
  BOOST_TEST(third.budget.steps(64) == 100);
  BOOST_TEST_REQUIRE(third.lora.has_value());
  BOOST_TEST(third.lora->adapters.rank == 4);
  BOOST_TEST(third.lora->adapters.targets.size() == 1U);
  BOOST_TEST((third.lora->moments == MomentsPolicy::kept));
  BOOST_TEST(plan.depth_after(2) == 4);
  BOOST_TEST(plan.depth() == 6);
}

BOOST_AUTO_TEST_CASE(written_plan_reads_back_the_same) {
  Json const written = to_json(parse_growth_plan(whole_plan, "plan.json"));
  BOOST_TEST((to_json(parse_growth_plan(written.dump(2), "again")) == written));
}

BOOST_AUTO_TEST_CASE(every_shipped_plan_is_one) {
  std::size_t count = 0;
  for (auto const& file : std::filesystem::directory_iterator(
           std::filesystem::path(ACCRETE_SOURCE_DIR) / "examples/plans")) {
    BOOST_TEST_CONTEXT(file.path()) {
      GrowthPlan const plan = load_growth_plan(file.path());
      BOOST_TEST(plan.name + ".json" == file.path().filename().string());
      BOOST_TEST(!plan.about.empty());
      BOOST_TEST((to_json(parse_growth_plan(to_json(plan).dump(), "again")) == to_json(plan)));
      ++count;
    }
  }
  BOOST_TEST(count >= 11U);
}

BOOST_AUTO_TEST_CASE(unknown_keys_and_words_are_refused_with_the_nearest_known_one) {
  refuse(with(R"("blocks": 2})", R"("bloks": 2})"),
         "stages[0].bloks: an unknown key; the nearest known one is blocks");
  refuse(with("\"warmup_steps\"", "\"warm_up\""),
         "defaults.schedule.warm_up: an unknown key; the nearest known one is warmup_steps");
  refuse(with("\"patience\"", "\"patient\""),
         "stages[2].budget.plateau.patient: an unknown key; the nearest known one is patience");
  refuse(with("\"rank\"", "\"r\""),
         "stages[2].lora.r: an unknown key; the nearest known one is rank");
  refuse(with("copy_top", "copy_tip"),
         "stages[1].start: expected random, zero_output, copy_top, copy_stack or middle, got");
  refuse(with("copy_top", "copy_tip"), "the nearest is copy_top");
  refuse(with("binary_id", "tied"), "model.embedding.kind: expected frozen_glyph, binary_id");
  refuse(with("linear", "square"), "expected constant, linear or cosine");
}

BOOST_AUTO_TEST_CASE(malformed_files_are_refused_with_their_place) {
  refuse("", "offset 0");
  refuse("[]", "expected an object");
  refuse("{}", "expected a file whose format is");
  refuse(with("\"version\": 1", "\"version\": 2"), "version 2, this library reads version 1");
  refuse(with("accrete growth plan", "accrete plan"), "got \"accrete plan\"");
  refuse(with(R"("blocks": 2})", R"("blocks": "two"})"), "stages[0].blocks: expected a number");
  refuse(with(R"("blocks": 2})", R"("blocks": 1.5})"), "expected an integer");
  refuse(with(R"("name": "three")", R"("name": "three", "name": "four")"), "stands twice");
  refuse(with(R"({"steps": 20})", R"({"steps": 20, "tokens": 4})"),
         "expected one of steps, tokens and plateau, got 2");
  refuse(with(R"({"steps": 20})", "{}"), "expected one of steps, tokens and plateau, got 0");
  refuse(with(R"("budget": {"steps": 20}})", R"("blocks": 3})"),
         "defaults.blocks: each stage says its own number");
  refuse(whole_plan + " x", "offset");
  for (std::size_t length = 0; length < whole_plan.size(); length += 13)
    BOOST_CHECK_THROW(static_cast<void>(parse_growth_plan(whole_plan.substr(0, length), "cut")),
                      FileError);
}

BOOST_AUTO_TEST_CASE(lists_beyond_any_plan_are_refused_while_they_are_read) {
  std::string stages, targets;
  for (int i = 0; i < 5000; ++i) stages += R"({"blocks": 1}, )";
  for (int i = 0; i < 65; ++i) targets += "\"t" + std::to_string(i) + "\", ";
  refuse(with(R"({"blocks": 2})", stages + R"({"blocks": 2})"), "expected at most 1024 stages");
  refuse(with(R"(["attention.value"])", "[" + targets + "\"a\"]"), "expected at most 64 targets");
  refuse(with(R"(["attention.value"])", "[\"" + std::string(65, 'a') + "\"]"),
         "targets of at most 64 bytes");
}

BOOST_AUTO_TEST_CASE(contradictions_are_refused_before_any_training) {
  refuse(with(R"("blocks": 2})", R"("blocks": 0})"), "stages[0].blocks: expected 1 to 65536");
  refuse(with(R"({"blocks": 2})", "{}"),
         "stages[0].blocks: expected 1 to 65536 blocks to add, got 0");
  refuse(with(R"("blocks": 2})", R"("blocks": 9223372036854775807})"), "stages[0].blocks");
  refuse(with(R"("planned_depth": 6)", R"("planned_depth": 5)"),
         "stages[2].blocks: the 2 new blocks reach a depth of 6, beyond model.planned_depth, which "
         "is 5");
  refuse(with(R"("blocks": 2})", R"("blocks": 2, "lora": {"budget": {"steps": 1}}})"),
         "stages[0].lora: adapters are for frozen blocks, and none is frozen in the first stage");
  refuse(with(R"("rank": 4)", R"("rank": 17)"),
         "stages[2].lora.rank: expected 1 to 16, the width of the blocks, got 17");
  refuse(with(R"("rank": 4)", R"("rank": 0)"), "stages[2].lora.rank");
  refuse(with(R"("alpha": 8)", R"("alpha": 0)"), "stages[2].lora.alpha");
  refuse(with(R"(["attention.value"])", "[]"), "stages[2].lora.targets: expected at least one");
  refuse(with(R"(["attention.value"])", R"(["a", "a"])"), "a map is named twice");
  refuse(with(R"("blocks": 2})", R"("blocks": 2, "start": "copy_stack"})"),
         "stages[0].start: blocks cannot start as copy_stack: there is no block yet");
  refuse(with(R"("blocks": 2, "start": "copy_top")", R"("blocks": 3, "start": "copy_top")"),
         "stages[1].start: blocks cannot start as copy_top: expected at most as many blocks as "
         "stand, 2");
  refuse(with("copy_top", "random"), "stages[1].moments: moments are copied with blocks");
  refuse(with(R"("validate_every": 5)", R"("validate_every": 0)"),
         "stages[2].budget.plateau: a plateau is seen by validations");
  refuse(with(R"("patience": 3)", R"("patience": 0)"), "stages[2].budget.plateau.patience");
  refuse(with(R"("tokens": 1000)", R"("tokens": 0)"),
         "stages[1].budget.tokens: expected a positive");
  refuse(with(R"("warmup_steps": 2)", R"("warmup_steps": 17)"),
         "stages[1].schedule.warmup_steps: expected 0 to 16, the steps of the budget, got 17");
  refuse(with("1e-3", "-1"), "stages[0].schedule.learning_rate: AdamW: learning_rate");
  refuse(with(R"("head_count": 2)", R"("head_count": 3)"),
         "model.block.head_count: the 16 channels");
  refuse(with(R"("model_dim": 16)", R"("model_dim": -16)"), "model.block.model_dim: expected 1 to");
  refuse(with(R"("width": 8)", R"("width": 6)"),
         "model.embedding.width: model_dim 16 is no multiple");
  refuse(with(R"("width": 8)", R"("width": 16)"), "binary ids below 64 take 8 bits");
  refuse(with(R"("batch": 4)", R"("batch": 0)"), "training.batch: expected 1 to");
  refuse(with(R"("seed": 7)", R"("beta1": 1)"), "training: AdamW: beta1");

  std::string const learned = with(R"("kind": "binary_id", "width": 8)", R"("kind": "learned")");
  BOOST_CHECK_NO_THROW(static_cast<void>(parse_growth_plan(learned, "learned")));
  refuse(with(R"("learned")", R"("learned", "trains_until_stage": 2)", learned),
         "model.embedding.trains_until_stage: expected 0 or 1, got 2: from stage 2 on the blocks "
         "above "
         "the embedding are frozen");
  refuse(with(R"("learned")", R"("learned", "width": 8)", learned),
         "model.embedding.width: a learned embedding is as wide as model_dim");
  refuse(with(R"("width": 8)", R"("width": 8, "trains_until_stage": 0)"),
         "an embedding of kind binary_id has nothing that trains");
  refuse(with(R"("kind": "binary_id", "width": 8)", R"("kind": "random_code")"),
         "an embedding of kind random_code needs a width");
  refuse(with(R"("kind": "binary_id", "width": 8)", R"("kind": "random_code", "width": 4)"),
         "64 tokens cannot all differ in 4 bits");
  GrowthPlan empty;
  empty.model.block = {.model_dim = 8, .head_count = 1, .hidden_dim = 8};
  BOOST_CHECK_EXCEPTION(check(empty), ValueError, says("stages: a plan needs at least one stage"));
}

BOOST_AUTO_TEST_CASE(damaged_plans_are_refused_or_read_back_the_same) {
  Mutants mutants(1);
  int refused = 0;
  for (int i = 0; i < mutant_count(); ++i) {
    try {
      Json const read = to_json(parse_growth_plan(mutants.mutate(whole_plan), "mutant"));
      BOOST_REQUIRE((to_json(parse_growth_plan(read.dump(), "again")) == read));
    } catch (FileError const& error) {
      BOOST_REQUIRE(error.path() == "mutant");
      ++refused;
    }
  }
  BOOST_TEST(refused > mutant_count() / 4);
}

BOOST_AUTO_TEST_SUITE_END()
