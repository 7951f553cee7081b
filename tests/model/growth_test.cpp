// How blocks start when a model grows, and where they stand.
#include <boost/test/unit_test.hpp>

#include <map>

#include "support/all_close.hpp"
#include "support/error_text.hpp"
#include "support/models.hpp"
#include "support/scratch_folder.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(growth)

namespace {

constexpr Index vocabulary = 23;
constexpr BlockConfig narrow{.model_dim = 16, .head_count = 2, .hidden_dim = 24};

template <class Model>
Model make(std::vector<Index> const& stages, std::uint64_t seed = 1) {
  Model model{typename Model::Backend{},
              random_substrate(vocabulary, 8),
              {.seed = seed, .planned_depth = 4, .block = narrow}};
  for (Index const blocks : stages) model.body().grow(blocks);
  return model;
}

/// Every value of every block, by the parameter's name within the block.
using BlockValues = std::map<std::string, std::vector<float>>;
BlockValues values_of_block(CpuModel& model, Index block) {
  std::string const prefix = "blocks." + std::to_string(block) + ".";
  BlockValues values;
  model.body().for_each_segment([&](auto const& segment) {
    for (auto const& entry : segment.entries()) {
      if (!entry.name.starts_with(prefix)) continue;
      auto const run = segment.values().slice(entry.offset, entry.offset + entry.count).span();
      values[entry.name.substr(prefix.size())].assign(run.begin(), run.end());
    }
  });
  return values;
}

void set_block(CpuModel& model, Index block, BlockValues const& values) {
  model.body().for_each_segment([&](auto& segment) {
    for (auto const& entry : segment.entries())
      for (auto const& [name, numbers] : values)
        if (entry.name == "blocks." + std::to_string(block) + "." + name)
          std::copy(numbers.begin(), numbers.end(), segment.values().data() + entry.offset);
  });
}

void train(CpuModel& model, Index steps) {
  Batches batches = random_batches(vocabulary, 2, 5);
  Trainer{model, AdamW{.learning_rate = 1e-2}, {.steps = steps}}.fit(batches);
}

std::vector<TokenId> const tokens = random_tokens(10, vocabulary, 3);

/// 0 1 3 2: a trained stack of three blocks with a fourth in its middle.
CpuModel with_middle() {
  CpuModel model = make<CpuModel>({3});
  train(model, 3);
  model.body().grow(1, BlockStart::middle);
  return model;
}

}  // namespace

BOOST_AUTO_TEST_CASE(zero_output_leaves_every_bit_of_the_logits_and_learns_from_there) {
  CpuModel model = make<CpuModel>({2});
  train(model, 3);
  auto const before = logits_of(model, tokens, 2);
  model.body().grow(2, BlockStart::zero_output);
  BOOST_TEST(same_bits(logits_of(model, tokens, 2), before));
  for (Index const block : {2, 3}) {
    auto const values = values_of_block(model, block);
    for (char const* name :
         {"attention.out.weight", "feed_forward.down.weight", "feed_forward.down.bias"})
      for (float const value : values.at(name)) BOOST_TEST_REQUIRE(value == 0.0F);
    BOOST_TEST(greatest_magnitude(values.at("attention.qkv.weight")) > 0.01);
  }
  auto const frozen = values_of_block(model, 1), fresh = values_of_block(model, 2);
  train(model, 2);
  BOOST_TEST((values_of_block(model, 1) == frozen));
  for (auto const& [name, values] : values_of_block(model, 2))
    BOOST_TEST((values != fresh.at(name)), name);
}

BOOST_AUTO_TEST_CASE(copies_are_copies) {
  CpuModel model = make<CpuModel>({3});
  train(model, 3);
  model.body().grow(2, BlockStart::copy_top);
  for (Index i = 0; i < 2; ++i)
    BOOST_TEST((values_of_block(model, 3 + i) == values_of_block(model, 1 + i)));
  BOOST_TEST((values_of_block(model, 3) != values_of_block(model, 4)));
  model.body().grow(5, BlockStart::copy_stack);
  for (Index i = 0; i < 5; ++i)
    BOOST_TEST((values_of_block(model, 5 + i) == values_of_block(model, i)));
}

BOOST_AUTO_TEST_CASE(growth_that_cannot_be_changes_nothing) {
  CpuModel model = make<CpuModel>({2});
  auto const stamp = model.stamp();
  BOOST_CHECK_EXCEPTION(model.body().grow(3, BlockStart::copy_top), ValueError, says("copy_top"));
  BOOST_CHECK_EXCEPTION(model.body().grow(0), ValueError, says("expected at least 1"));
  BOOST_TEST((model.stamp() == stamp));
  BOOST_TEST(model.body().first_trainable() == 0);
}

BOOST_AUTO_TEST_CASE(middle_block_stands_between_the_others) {
  CpuModel model = with_middle();
  BOOST_TEST(model.body().order() == (std::vector<Index>{0, 1, 3, 2}),
             boost::test_tools::per_element());
  BOOST_TEST((values_of_block(model, 3) == values_of_block(model, 1)));
  CpuModel plain = make<CpuModel>({4});
  for (Index place = 0; place < 4; ++place)
    set_block(plain, place,
              values_of_block(model, model.body().order()[static_cast<std::size_t>(place)]));
  copy_common_rows(model.head_segment(), plain.head_segment());
  BOOST_TEST(same_bits(logits_of(model, tokens, 2), logits_of(plain, tokens, 2)));

  // Token by token, with a cache, the same.
  auto const decoded = [&](CpuModel const& one) {
    CpuModel::Session session(one, {.batch = 1, .time = 1, .cache = 10});
    std::vector<float> logits;
    for (TokenId const& token : tokens) {
      one.decode_step(session, {&token, {1, 1}});
      auto const row = logits_of(one, session);
      logits.insert(logits.end(), row.begin(), row.end());
    }
    return logits;
  };
  BOOST_TEST(same_bits(decoded(model), decoded(plain)));
}

BOOST_AUTO_TEST_CASE(frozen_blocks_above_a_middle_one_pass_gradients_and_stay) {
  CpuModel model = with_middle();
  CpuModel::Session const session(model, {.batch = 2, .time = 5, .training = true});
  BOOST_TEST(session.state().body.first_kept == 2);  // the two lowest keep nothing
  std::vector<BlockValues> before;
  for (Index i = 0; i < 4; ++i) before.push_back(values_of_block(model, i));
  train(model, 2);
  for (Index i = 0; i < 3; ++i)
    BOOST_TEST((values_of_block(model, i) == before[static_cast<std::size_t>(i)]));
  BOOST_TEST((values_of_block(model, 3) != before[3]));
}

BOOST_AUTO_TEST_CASE(gradients_of_a_middle_block_match_finite_differences) {
  DoubleModel model = make<DoubleModel>({3});
  model.body().grow(1, BlockStart::middle);
  auto const ids = batch_view<Double>(tokens, 2);
  std::vector<TokenId> const wanted = random_tokens(10, vocabulary, 4);
  auto const targets = batch_view<Double>(wanted, 2);
  ActiveSet<Double> active{model};
  LossScratch<Double> scratch(model.backend(), 10, vocabulary);
  DoubleModel::Session session(model, {.batch = 2, .time = 5, .training = true});
  active.zero_gradients(model.backend());
  evaluate_loss_and_gradients(model, session, ids, targets, scratch, active.gradients(), 1.0);
  Index checked = 0;
  for (auto& one : active.segments())
    for (auto const& entry : one.segment->entries())
      for (Index const i : {entry.offset, entry.offset + entry.count - 1}) {
        double& value = one.segment->values().data()[i];
        double const kept = value, step = 1e-4;
        auto const loss_at = [&](double moved) {
          value = moved;
          return evaluate_loss(model, session, ids, targets, scratch).sum;
        };
        double const slope = (8 * (loss_at(kept + step) - loss_at(kept - step)) -
                              (loss_at(kept + 2 * step) - loss_at(kept - 2 * step))) /
                             (12 * step);
        value = kept;
        BOOST_TEST_CONTEXT(entry.name) {
          BOOST_TEST(std::abs(one.gradient(i) - slope) < 1e-8 * (1 + std::abs(slope)));
        }
        ++checked;
      }
  BOOST_TEST(checked == 2 * (10 + 4));  // one block and the head
}

BOOST_AUTO_TEST_CASE(order_of_blocks_goes_through_a_checkpoint) {
  ScratchFolder const folder;
  auto const path = folder / "middle.safetensors";
  CpuModel model = with_middle();
  train(model, 2);
  CheckpointWriter{model}.save(path);
  for (auto const& stages : std::vector<std::vector<Index>>{{}, {3, 1}}) {
    CpuModel restored = make<CpuModel>(stages, 9);
    CheckpointReader(path).restore(restored);
    BOOST_TEST(restored.body().order() == model.body().order(), boost::test_tools::per_element());
    BOOST_TEST(same_bits(logits_of(restored, tokens, 2), logits_of(model, tokens, 2)));
    restored.body().grow(2, BlockStart::copy_top);  // of places 2 and 3
    BOOST_TEST((values_of_block(restored, 4) == values_of_block(restored, 3)));
    BOOST_TEST((values_of_block(restored, 5) == values_of_block(restored, 2)));
  }
}

BOOST_AUTO_TEST_CASE(hostile_orders_are_refused_before_anything_changes) {
  CpuModel model = make<CpuModel>({3, 1}), empty = make<CpuModel>({});
  for (char const* order : {"[0,1,2]", "[0,1,2,2]", "[0,1,2,4]", "[-1,0,1,2]", "[]"}) {
    Json structure = model.structure();
    structure["order"] = Json::parse(order, "");
    for (CpuModel* one : {&model, &empty}) {
      auto const stamp = one->stamp();
      BOOST_CHECK_EXCEPTION(one->restore_structure(structure), MismatchError,
                            says("the file's order of blocks", order));
      BOOST_TEST((one->stamp() == stamp || one == &empty));
    }
    empty = make<CpuModel>({});
    BOOST_CHECK_THROW(empty.check_structure(structure, [](std::string const&, auto const&) {}),
                      MismatchError);
  }
}

BOOST_AUTO_TEST_CASE(adapters_fit_a_stack_in_another_order) {
  CpuModel model = with_middle();
  auto const before = logits_of(model, tokens, 2);
  model.body().add_adapters(
      {.rank = 2, .alpha = 4, .targets = {"attention.value", "feed_forward.up"}});
  BOOST_TEST(same_bits(logits_of(model, tokens, 2), before));
  train(model, 3);
  auto const adapted = logits_of(model, tokens, 2);
  BOOST_TEST(!same_bits(adapted, before));
  model.body().merge_adapters();
  BOOST_TEST(all_close(logits_of(model, tokens, 2), adapted, 1e-4, 1e-5));
}

BOOST_AUTO_TEST_CASE(parts_of_the_head_freeze_apart) {
  CpuModel model = make<CpuModel>({1});
  auto& head = model.head_segment();
  auto const values = [&](std::string const& name) {
    auto const& entry = head.at(name);
    auto const run = head.values().slice(entry.offset, entry.offset + entry.count).span();
    return std::vector<float>(run.begin(), run.end());
  };
  auto const weight = values("head.linear.weight"), norm = values("head.norm.weight");
  head.set_trainable("head.linear.", false);
  ActiveSet<Cpu> const active{model};
  BOOST_TEST(active.parameter_count() ==
             parameter_count(model.body().blocks()[0]) + 2 * narrow.model_dim);
  train(model, 2);
  BOOST_TEST((values("head.linear.weight") == weight));
  auto const moved = values("head.norm.weight");
  BOOST_TEST((moved != norm));
  head.set_trainable("head.norm.", false);
  BOOST_TEST(!head.trainable());
  train(model, 2);
  BOOST_TEST((values("head.norm.weight") == moved));
}

BOOST_AUTO_TEST_SUITE_END()
