#include <boost/test/unit_test.hpp>

#include <filesystem>

#include <accrete/backend/reference/reference.hpp>
#include <accrete/model/head.hpp>
#include <accrete/nn/transformer_block.hpp>
#include <accrete/train/growth_plan_json.hpp>
#include <accrete/train/parameter_table.hpp>

#include "support/error_text.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(parameter_tables)

namespace {

using Backend = ReferenceBackend<float>;
template <class... Policies>
using PlainBlock = TransformerBlock<dynamic_block, Backend, Policies...>;
template <class Norm = LayerNorm>
using PlainHead = typename LinearHead<Norm>::template Layer<Backend>;

struct Counted {
  explicit Counted(GrowthPlan given)
      : plan(complete_plan(std::move(given), 0, 0)),
        counts(count_parts<PlainBlock<>, PlainHead<>>(plan)) {}
  explicit Counted(std::string const& name)
      : Counted(load_growth_plan(std::filesystem::path(ACCRETE_SOURCE_DIR) / "examples/plans" /
                                 (name + ".json"))) {}
  [[nodiscard]] ParameterTable table(std::size_t stage,
                                     GrowthPhase phase = GrowthPhase::blocks) const {
    return parameter_table(plan, counts, stage, phase);
  }
  [[nodiscard]] ParameterTable last() const { return table(plan.stages.size() - 1); }

  GrowthPlan plan;
  PartCounts counts;
};

}  // namespace

BOOST_AUTO_TEST_CASE(published_totals_come_out_exactly) {
  for (auto const& [name, total] :
       std::vector<std::pair<char const*, Index>>{{"glyph-3-3-3", 247'614'464},
                                                  {"glyph-monolithic", 247'614'464},
                                                  {"learned-3-3-3", 247'614'464},
                                                  {"learned-monolithic", 247'614'464},
                                                  {"bits-16-3-3-3", 181'554'176},
                                                  {"bits-16-depth-16", 269'699'072},
                                                  {"glyph-depth-16", 335'759'360},
                                                  {"codes-64-depth-16", 272'844'800},
                                                  {"best-bvv", 470'042'624}})
    BOOST_TEST(Counted(name).last().total() == total, name);
}

BOOST_AUTO_TEST_CASE(published_active_parameters_come_out_exactly) {
  Counted const grown("glyph-3-3-3");
  for (std::size_t stage = 0; stage < 3; ++stage)
    BOOST_TEST(grown.table(stage).trainable() == 104'952'832);
  BOOST_TEST(Counted("glyph-monolithic").last().trainable() == 180'505'600);
}

BOOST_AUTO_TEST_CASE(published_totals_of_models_grown_one_by_one_come_out_exactly) {
  Counted const grown("abs-bvv-one-by-one");
  for (std::size_t n = 1; n <= 6; ++n)
    BOOST_TEST(grown.table(n - 1).total() ==
               1'275'244'544 + 201'363'456 * static_cast<Index>(n - 1));
}

BOOST_AUTO_TEST_CASE(learned_embedding_trains_in_the_first_stage_alone) {
  Counted const grown("learned-3-3-3");
  BOOST_TEST(grown.table(0).trainable() == 104'952'832 + 65'536 * 1024);
  BOOST_TEST(grown.table(1).trainable() == 104'952'832);
  BOOST_TEST(Counted("learned-monolithic").last().trainable() == 247'614'464);
  GrowthPlan plan = grown.plan;
  plan.model.embedding.trains_until_stage = 0;
  BOOST_TEST(Counted(plan).table(0).trainable() == 104'952'832);
}

BOOST_AUTO_TEST_CASE(groups_say_what_they_are_and_why) {
  Counted const grown("abs-bvv-one-by-one");
  ParameterTable const table = grown.table(2, GrowthPhase::lora);
  BOOST_TEST_REQUIRE(table.groups.size() == 7U);
  auto const is = [&](std::size_t i, char const* name, Index count, bool trains, char const* why) {
    BOOST_TEST(table.groups[i].name == name);
    BOOST_TEST(table.groups[i].count == count);
    BOOST_TEST(table.groups[i].trains == trains);
    BOOST_TEST(table.groups[i].why == why);
  };
  is(0, "embedding, frozen_glyph", 131'072 * 4096, false, "a constant table");
  is(1, "block 0", 201'363'456, false, "trained in stage 1");
  is(2, "block 1", 201'363'456, false, "trained in stage 2");
  is(3, "block 2", 201'363'456, true, "new; start: random");
  is(4, "adapters of blocks 0 to 1", 2 * 4 * 16 * 2 * 4096, true,
     "rank 16 on attention.query, attention.key, attention.value, attention.out; merged at the "
     "end");
  is(5, "final norm", 2 * 4096, true, "the plan trains it");
  is(6, "classifier", 131'072 * 4097, true, "the plan trains it");
  BOOST_TEST(to_json(table).at("trainable").as_int() == table.trainable());
  std::string const text = to_text(table);
  BOOST_TEST(text.find("block 2") != std::string::npos);
  BOOST_TEST(text.find("201,363,456  trainable  new; start: random") != std::string::npos);
  BOOST_TEST(text.find("201,363,456  frozen     trained in stage 1") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(head_and_norm_freeze_apart) {
  GrowthPlan plan = Counted("glyph-3-3-3").plan;
  plan.stages[1].trains_head = false;
  plan.stages[2].trains_head = plan.stages[2].trains_final_norm = false;
  Counted const counted(plan);
  Index const blocks = 3 * (12 * 1024 * 1024 + 9 * 1024);
  BOOST_TEST(counted.table(1).trainable() == blocks + 2 * 1024);
  BOOST_TEST(counted.table(2).trainable() == blocks);
  BOOST_TEST(counted.table(2).total() == 247'614'464);
}

BOOST_AUTO_TEST_CASE(other_norms_and_activations_have_other_counts) {
  GrowthPlan plan = Counted("glyph-3-3-3").plan;
  plan.model.norm = NormKind::rms_norm;
  plan.model.activation = ActivationKind::swiglu;
  PartCounts const counts = count_parts<PlainBlock<RmsNorm, Swiglu>, PlainHead<RmsNorm>>(plan);
  Index const d = 1024, f = 4096;
  BOOST_TEST(counts.block == 4 * d * d + 2 * d + 2 * f * d + 2 * f + d * f + d);
  BOOST_TEST(counts.final_norm == d);
}

BOOST_AUTO_TEST_CASE(plan_takes_from_the_substrate_what_it_leaves_open) {
  GrowthPlan plan = Counted("glyph-3-3-3").plan;
  plan.model.vocabulary_size = 0;
  plan.model.embedding.width = 0;
  GrowthPlan const complete = complete_plan(plan, 500, 64);
  BOOST_TEST(complete.model.vocabulary_size == 500);
  BOOST_TEST(complete.model.embedding.width == 64);
  BOOST_CHECK_EXCEPTION(static_cast<void>(complete_plan(plan, 0, 0)), ValueError,
                        says("model.vocabulary_size: the plan leaves it to the substrate"));
  BOOST_CHECK_EXCEPTION(static_cast<void>(complete_plan(plan, 500, 48)), ValueError,
                        says("model.embedding.width: model_dim 1024 is no multiple"));
  BOOST_CHECK_EXCEPTION(static_cast<void>(complete_plan(complete, 501, 64)), ValueError,
                        says("the plan is for 500 tokens, the substrate has 501"));
  BOOST_CHECK_EXCEPTION(static_cast<void>(complete_plan(complete, 500, 32)), ValueError,
                        says("the plan is for rows of 64, the substrate's have 32"));
}

BOOST_AUTO_TEST_CASE(what_a_type_of_block_cannot_be_is_refused_with_its_path) {
  GrowthPlan plan = Counted("abs-bvv-one-by-one").plan;
  plan.stages[3].lora->adapters.targets = {"attention.qery"};
  BOOST_CHECK_EXCEPTION(static_cast<void>(Counted(plan)), ValueError,
                        says("stages[3].lora: adapters: no linear map is called attention.qery"));
  plan = Counted("glyph-3-3-3").plan;
  plan.model.block.head_count = 1024;
  BOOST_CHECK_EXCEPTION(static_cast<void>(Counted(plan)), ValueError,
                        says("model.block: self_attention: a head width of 1"));
}

BOOST_AUTO_TEST_SUITE_END()
