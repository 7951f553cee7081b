#include <boost/test/unit_test.hpp>

#include <accrete/train/moments.hpp>

#include "support/all_close.hpp"
#include "support/models.hpp"
#include "support/scratch_folder.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(moments)

namespace {

constexpr Index vocabulary = 23;

CpuModel make() {
  CpuModel model{
      Cpu(1),
      random_substrate(vocabulary, 8),
      {.planned_depth = 2, .block = {.model_dim = 16, .head_count = 2, .hidden_dim = 24}}};
  model.body().grow(2);
  return model;
}

TrainerOptions constant() {
  return {.steps = 9, .schedule = {.shape = Schedule::Shape::constant}};
}

auto const all = [](std::string const&) { return true; };
auto const same_name = [](std::string const& name) { return name; };

}  // namespace

BOOST_AUTO_TEST_CASE(trainer_that_takes_over_kept_moments_goes_on_as_the_one_before) {
  CpuModel whole = make(), handed_over = make();
  Batches batches = random_batches(vocabulary, 2, 5), same = batches;
  Trainer one{whole, AdamW{}, constant()};
  for (int i = 0; i < 7; ++i) one.step(batches);

  auto first = std::make_unique<Trainer<CpuModel>>(handed_over, AdamW{}, constant());
  for (int i = 0; i < 3; ++i) first->step(same);
  Moments<Cpu> const moments(first->active(), first->steps_done(), all);
  first.reset();
  Trainer second{handed_over, AdamW{}, constant()};
  moments.give_to(second.active(), same_name);
  for (int i = 0; i < 4; ++i) second.step(same);
  BOOST_TEST(same_bits(parameters_of(handed_over), parameters_of(whole)));

  // Through a checkpoint too.
  ScratchFolder const folder;
  CheckpointWriter{handed_over}.with(second).save(folder / "checkpoint");
  CpuModel restored = make();
  CheckpointReader const checkpoint(folder / "checkpoint");
  checkpoint.restore(restored);
  Trainer third{restored, AdamW{}, constant()};
  checkpoint.restore(third);
  Batches more = same;
  for (int i = 0; i < 2; ++i) {
    one.step(batches);
    third.step(more);
  }
  BOOST_TEST(same_bits(parameters_of(restored), parameters_of(whole)));
}

BOOST_AUTO_TEST_CASE(copies_take_the_moments_of_their_originals_and_others_begin_at_zero) {
  CpuModel model = make();
  Batches batches = random_batches(vocabulary, 2, 5);
  auto before = std::make_unique<Trainer<CpuModel>>(model, AdamW{}, constant());
  for (int i = 0; i < 3; ++i) before->step(batches);
  auto const run_of = [](Trainer<CpuModel>& trainer, std::string const& name) {
    std::vector<float> values;
    Index steps = -1;
    for (auto const& active : trainer.active().segments())
      for (std::size_t i = 0; i < active.steps_before.size(); ++i) {
        auto const& entry = active.segment->entries()[i];
        if (entry.name != name) continue;
        for (auto const moment : {active.first_moment, active.second_moment}) {
          auto const run = moment.slice(entry.offset, entry.offset + entry.count).span();
          values.insert(values.end(), run.begin(), run.end());
        }
        steps = active.steps_before[i];
      }
    return std::pair{values, steps};
  };
  auto const original = run_of(*before, "blocks.1.attention.qkv.weight").first;
  Moments<Cpu> const moments(before->active(), 3,
                             [](std::string const& name) { return name.starts_with("blocks."); });
  before.reset();
  model.body().grow(2, BlockStart::copy_top);
  Trainer after{model, AdamW{}, constant()};
  moments.give_to(after.active(), [](std::string const& name) {
    return name.starts_with("blocks.3.") ? "blocks.1." + name.substr(9) : name;
  });
  auto const copied = run_of(after, "blocks.3.attention.qkv.weight");
  BOOST_TEST(same_bits(copied.first, original));
  BOOST_TEST(copied.second == 3);
  for (char const* name : {"blocks.2.attention.qkv.weight", "head.linear.weight"}) {
    auto const [values, steps] = run_of(after, name);
    BOOST_TEST(greatest_magnitude(values) == 0.0);
    BOOST_TEST(steps == 0);
  }
}

BOOST_AUTO_TEST_SUITE_END()
