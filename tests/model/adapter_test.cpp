#include <accrete/accrete.hpp>

#include <cmath>

#include <boost/test/unit_test.hpp>

#include "support/all_close.hpp"
#include "support/changed_bits.hpp"
#include "support/error_text.hpp"
#include "support/models.hpp"
#include "support/scratch_folder.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(adapter)

namespace {

constexpr Index vocabulary = 29;
using Model = GrowingModel<CpuBackend>;

Model make(Index threads = 2) {
  Model model{CpuBackend(static_cast<int>(threads)),
              random_substrate(vocabulary, 8),
              {.seed = 5,
               .planned_depth = 3,
               .block = {.model_dim = 16, .head_count = 2, .hidden_dim = 24}}};
  model.body().grow(2);
  model.body().grow(1);
  return model;
}

AdapterOptions everywhere() {
  return {.rank = 3,
          .alpha = 6,
          .targets = {"attention.query", "attention.key", "attention.value", "attention.out",
                      "feed_forward.up", "feed_forward.down"}};
}

struct SameBatch {
  std::vector<TokenId> inputs = random_tokens(14, vocabulary, 1);
  std::vector<TokenId> targets = random_tokens(14, vocabulary, 2);
  [[nodiscard]] Index batch() const { return 2; }
  [[nodiscard]] Index time() const { return 7; }
  void next(std::span<TokenId> ids, std::span<TokenId> wanted) {
    std::copy(inputs.begin(), inputs.end(), ids.begin());
    std::copy(targets.begin(), targets.end(), wanted.begin());
  }
  [[nodiscard]] Json state() const { return Json(); }
  void restore(Json const&) {}
};

std::vector<float> logits_of(Model const& model) {
  SameBatch const batch;
  Model::Session session(model, {.batch = 2, .time = 7});
  model.forward(session, {batch.inputs.data(), {2, 7}});
  std::vector<float> logits(14 * vocabulary);
  classifier_logits<CpuBackend>(model.backend(), model.classifier(session), 0,
                                {logits.data(), {14, vocabulary}});
  return logits;
}

std::vector<float> weights_of(Model const& model, std::string const& segment_name) {
  std::vector<float> values;
  model.body().for_each_segment([&](auto const& segment) {
    if (segment.name() == segment_name)
      values.assign(segment.values().data(), segment.values().data() + segment.values().count());
  });
  return values;
}

double largest_difference(std::vector<float> const& a, std::vector<float> const& b) {
  BOOST_TEST_REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(a[i]) - b[i]));
  return largest;
}

void train(Model& model, Index steps) {
  SameBatch batches;
  Trainer{model, AdamW{.learning_rate = 1e-2}, {.steps = steps}}.fit(batches);
}

}  // namespace

BOOST_AUTO_TEST_CASE(new_adapters_change_no_bit) {
  Model model = make();
  auto const before = logits_of(model);
  model.body().add_adapters(everywhere());
  BOOST_TEST(logits_of(model) == before);
}

BOOST_AUTO_TEST_CASE(training_moves_adapters_and_new_blocks_and_no_frozen_weight) {
  Model model = make();
  model.body().add_adapters(everywhere());
  auto const frozen = weights_of(model, "blocks.0 to 1");
  auto const newest = weights_of(model, "blocks.2 to 2");
  auto const adapters = weights_of(model, "adapters");
  BOOST_TEST_REQUIRE(!frozen.empty());
  BOOST_TEST_REQUIRE(!newest.empty());
  train(model, 3);
  BOOST_TEST(weights_of(model, "blocks.0 to 1") == frozen);
  BOOST_TEST(weights_of(model, "blocks.2 to 2") != newest);
  BOOST_TEST(weights_of(model, "adapters") != adapters);
}

BOOST_AUTO_TEST_CASE(gradients_match_finite_differences) {
  using DoubleModel = GrowingModel<ReferenceBackend<double>>;
  DoubleModel model{ReferenceBackend<double>{},
                    random_substrate(vocabulary, 8),
                    {.seed = 5,
                     .planned_depth = 3,
                     .block = {.model_dim = 16, .head_count = 2, .hidden_dim = 24}}};
  model.body().grow(1);
  model.body().grow(1);
  model.body().add_adapters(everywhere());
  SameBatch const batch;
  View<ReferenceBackend<double>, TokenId const, 2> const ids{batch.inputs.data(), {2, 7}};
  View<ReferenceBackend<double>, TokenId const, 2> const targets{batch.targets.data(), {2, 7}};
  ActiveSet<ReferenceBackend<double>> active{model};
  LossScratch<ReferenceBackend<double>> scratch(model.backend(), 14, vocabulary);
  DoubleModel::Session session(model, {.batch = 2, .time = 7, .training = true});
  Index checked = 0;
  for (auto& one : active.segments()) {
    if (one.segment->name() != "adapters") continue;
    auto const values = one.segment->values();
    for (Index i = 0; i < values.count(); ++i) values.data()[i] += 0.01 * std::sin(0.7 * double(i));
    active.zero_gradients(model.backend());
    evaluate_loss_and_gradients(model, session, ids, targets, scratch, active.gradients(), 1.0);
    for (auto const& entry : one.segment->entries())
      for (Index const i : {entry.offset, entry.offset + entry.count - 1}) {
        double& value = values.data()[i];
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
  }
  BOOST_TEST(checked == 24);
}

BOOST_AUTO_TEST_CASE(merging_gives_the_same_map_and_can_be_taken_back) {
  Model model = make();
  model.body().add_adapters(everywhere());
  train(model, 5);
  auto const adapted = logits_of(model);
  auto const weights = weights_of(model, "blocks.0 to 1");
  double const bound = model.body().merge_adapters();
  BOOST_TEST(bound > 0);
  BOOST_TEST(bound < 1e-5);
  BOOST_TEST(weights_of(model, "blocks.0 to 1") != weights);
  BOOST_TEST(largest_difference(logits_of(model), adapted) < 1e-5);
  BOOST_TEST(!model.body().has_adapters());
  double const bound_back = model.body().unmerge_adapters();
  BOOST_TEST(largest_difference(weights_of(model, "blocks.0 to 1"), weights) <= bound_back);
  BOOST_TEST(largest_difference(logits_of(model), adapted) < 1e-5);
  model.body().merge_adapters();
  model.body().grow(1);  // what was merged is forgotten
  BOOST_CHECK_EXCEPTION(model.body().unmerge_adapters(), ValueError, says("no merged adapters"));
}

BOOST_AUTO_TEST_CASE(a_run_with_adapters_resumes_bit_by_bit) {
  ScratchFolder const folder;
  auto const path = folder.path() / "checkpoint.safetensors";
  auto const finish = [](Model& model, Trainer<Model>& trainer) {
    SameBatch batches;
    for (int i = 0; i < 2; ++i) trainer.step(batches);
    return logits_of(model);
  };
  SameBatch batches;
  Model whole = make();
  whole.body().add_adapters(everywhere());
  Trainer trainer{whole, AdamW{.learning_rate = 1e-2}};
  for (int i = 0; i < 2; ++i) trainer.step(batches);
  CheckpointWriter{whole}.with(trainer).save(path);
  auto const expected = finish(whole, trainer);

  Model resumed{CpuBackend(1),
                whole.substrate(),
                {.seed = 99,
                 .planned_depth = 3,
                 .block = {.model_dim = 16, .head_count = 2, .hidden_dim = 24}}};
  CheckpointReader const reader(path);
  reader.restore(resumed);
  BOOST_TEST(resumed.body().has_adapters());
  BOOST_TEST(resumed.body().adapters().options().rank == 3);
  Trainer second{resumed, AdamW{.learning_rate = 1e-2}};
  reader.restore(second);
  BOOST_TEST(finish(resumed, second) == expected);
}

BOOST_AUTO_TEST_CASE(adapters_that_were_frozen_since_load_frozen) {
  ScratchFolder const folder;
  auto const path = folder.path() / "checkpoint.safetensors";
  auto const restored = [&] {
    Model model{
        CpuBackend(1),
        random_substrate(vocabulary, 8),
        {.planned_depth = 3, .block = {.model_dim = 16, .head_count = 2, .hidden_dim = 24}}};
    CheckpointReader(path).restore(model);
    return model;
  };
  for (bool const all_frozen_before : {false, true})
    for (bool const frozen_after : {false, true}) {
      Model model = make();
      if (all_frozen_before) model.body().freeze();
      model.body().add_adapters(everywhere());
      SameBatch batches;
      Trainer trainer{model, AdamW{.learning_rate = 1e-2}};
      for (int i = 0; i < 2; ++i) trainer.step(batches);
      if (frozen_after) model.body().freeze();
      CheckpointWriter{model}.save(path);
      Model const again = restored();
      BOOST_TEST(logits_of(again) == logits_of(model));
      BOOST_TEST(again.body().adapters().segment().trainable() == !frozen_after);
      BOOST_TEST(again.body().first_trainable() == model.body().first_trainable());
      CheckpointReader(path).restore(model);  // onto itself
      BOOST_TEST(logits_of(again) == logits_of(model));
      BOOST_TEST(model.body().adapters().segment().trainable() == !frozen_after);
    }
}

BOOST_AUTO_TEST_CASE(a_file_of_adapters_fits_its_base_alone) {
  ScratchFolder const folder;
  auto const path = folder / "adapters.safetensors";
  Model trained = make();
  BOOST_CHECK_EXCEPTION(save_adapters(trained, path), ValueError, says("no adapters"));
  trained.body().add_adapters(everywhere());
  trained.body().freeze();
  trained.body().remove_adapters();
  trained.body().add_adapters(everywhere());  // on all three blocks
  trained.body().for_each_segment([](auto& segment) {
    if (segment.name() != "adapters") return;
    for (Index i = 0; i < segment.values().count(); ++i)
      segment.values().data()[i] += 0.01F * static_cast<float>(i % 7);
  });
  save_adapters(trained, path);

  Model same = make();
  BOOST_CHECK_EXCEPTION(load_adapters(same, path), MismatchError, says("3 frozen blocks", "has 2"));
  same.body().freeze();
  load_adapters(same, path);
  BOOST_TEST(logits_of(same) == logits_of(trained));
  BOOST_CHECK_EXCEPTION(load_adapters(same, path), ValueError, says("already"));

  Model spared = make();
  spared.body().freeze();
  std::size_t const bytes = std::filesystem::file_size(path);
  for (std::size_t i = 0; i < 200; ++i) {
    ChangedBit const change(path, i * 7919 % bytes, static_cast<unsigned>(i % 8));
    BOOST_CHECK_THROW(load_adapters(spared, path), FileError);
    BOOST_TEST(!spared.body().has_adapters());
  }
  BOOST_CHECK_NO_THROW(load_adapters(spared, path));

  Model other = make();
  train(other, 1);
  other.body().freeze();
  BOOST_CHECK_EXCEPTION(load_adapters(other, path), MismatchError, says("trained on blocks"));
  BOOST_TEST(!other.body().has_adapters());

  auto const checkpoint = folder / "checkpoint.safetensors";
  CheckpointWriter{same}.save(checkpoint);
  BOOST_CHECK_EXCEPTION(load_adapters(other, checkpoint), FileError, says("holds no adapters"));
}

BOOST_AUTO_TEST_CASE(what_makes_no_sense_is_refused_by_name) {
  Model model = make();
  auto const with = [](auto change) {
    AdapterOptions options = everywhere();
    change(options);
    return options;
  };
  auto& body = model.body();
  BOOST_CHECK_EXCEPTION(body.add_adapters(with([](auto& o) { o.rank = 17; })), ShapeError,
                        says("rank of 1 to 16", "got 17"));
  BOOST_CHECK_EXCEPTION(body.add_adapters(with([](auto& o) { o.rank = 0; })), ShapeError,
                        says("got 0"));
  BOOST_CHECK_EXCEPTION(body.add_adapters(with([](auto& o) { o.alpha = NAN; })), ValueError,
                        says("finite alpha"));
  BOOST_CHECK_EXCEPTION(body.add_adapters(with([](auto& o) { o.targets = {"attention.q"}; })),
                        ValueError, says("attention.q;", "attention.query"));
  BOOST_CHECK_EXCEPTION(body.add_adapters(with([](auto& o) { o.targets.clear(); })), ValueError,
                        says("at least one target"));
  BOOST_CHECK_EXCEPTION(body.add_adapters(with([](auto& o) {
    o.targets = {"attention.out", "attention.out"};
  })),
                        ValueError, says("named twice"));
  BOOST_CHECK_EXCEPTION(body.merge_adapters(), ValueError, says("no adapters"));
  body.add_adapters(everywhere());
  BOOST_CHECK_EXCEPTION(body.add_adapters(everywhere()), ValueError, says("already"));
  BOOST_CHECK_EXCEPTION(body.grow(1), ValueError, says("merge or remove"));
  body.remove_adapters();
  body.grow(1);

  Model fresh{CpuBackend(1),
              random_substrate(vocabulary, 8),
              {.planned_depth = 1, .block = {.model_dim = 16, .head_count = 2, .hidden_dim = 24}}};
  fresh.body().grow(1);
  BOOST_CHECK_EXCEPTION(fresh.body().add_adapters(everywhere()), ValueError,
                        says("none is frozen"));
}

BOOST_AUTO_TEST_SUITE_END()
