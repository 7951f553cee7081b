// The optimizer's one launch for a segment, and weights that are rounded at random.
#include <accrete/backend/cuda/cuda.hpp>

#include <boost/test/unit_test.hpp>

#include "support/all_close.hpp"
#include "support/fake_cuda.hpp"
#include "support/models.hpp"
#include "support/scratch_folder.hpp"

BOOST_AUTO_TEST_SUITE(cuda_adamw)

namespace {

using namespace accrete_test;
using accrete::bfloat16;
using accrete::CudaBackendBf16;
using Model = GrowingModel<CudaBackendBf16>;

constexpr Index vocabulary = 11, width = 8;

Model make_model(std::shared_ptr<FakeCuda> const& api) {
  Model model{CudaBackendBf16(api),
              random_substrate(vocabulary, width),
              {.seed = 3,
               .planned_depth = 2,
               .block = {.model_dim = width, .head_count = 2, .hidden_dim = 12}}};
  model.body().grow(1);
  return model;
}

accrete::TrainerOptions steps(Index count) {
  return {.steps = count, .schedule = {.shape = accrete::Schedule::Shape::constant}};
}

/// The bits of what products read, of all parameters.
std::vector<std::uint16_t> elements_of(Model& model) {
  std::vector<std::uint16_t> bits;
  model.for_each_segment([&](std::string const&, auto const& segment) {
    for (bfloat16 const value : accrete::host_copy(segment.backend(), segment.elements()))
      bits.push_back(value.bits());
  });
  return bits;
}

/// What products read after training in one go, by a model that froze a block on the way.
std::vector<std::uint16_t> trained(std::optional<std::uint64_t> seed) {
  auto const api = std::make_shared<FakeCuda>();
  auto model = make_model(api);
  auto batches = random_batches(vocabulary, 2, 5);
  accrete::Trainer{model, accrete::AdamW{.rounding_seed = seed}, steps(2)}.fit(batches);
  model.body().grow(1);
  accrete::Trainer{model, accrete::AdamW{.rounding_seed = seed}, steps(5)}.fit(batches);
  return elements_of(model);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_step_is_one_launch_for_each_segment) {
  auto const api = std::make_shared<FakeCuda>();
  auto model = make_model(api);
  auto batches = random_batches(vocabulary, 2, 5);
  accrete::Trainer trainer{model, accrete::AdamW{}, steps(2)};
  trainer.step(batches);
  BOOST_TEST(api->launches_by_name().at("adamw_step") ==
             static_cast<Index>(trainer.active().segments().size()));
}

BOOST_AUTO_TEST_CASE(weights_rounded_at_random_are_neighbours_and_right_on_average) {
  auto const api = std::make_shared<FakeCuda>(FakeCuda::Settings{.checks_memory = false});
  CudaBackendBf16 const backend(api);
  constexpr Index count = 4096, draws = 400;
  std::vector<float> values(count), zeros(count), first(count), second(count);
  std::vector<bfloat16> rounded(count);
  for (std::size_t i = 0; i < values.size(); ++i)  // a quarter of the way, both signs, some exact
    values[i] = (i % 2 == 0 ? 1.0F : -1.0F) * (1.0F + 0x1p-9F * static_cast<float>(i % 4));
  std::vector<double> mean(count);
  for (Index draw = 0; draw < draws; ++draw) {
    accrete::AdamWRun const run{.end = count, .stream = static_cast<std::uint64_t>(draw)};
    using V = accrete::View<CudaBackendBf16, accrete::Master, 1>;
    accrete::adamw_step<CudaBackendBf16>(
        backend, V{values.data(), {count}}, {rounded.data(), {count}}, V{zeros.data(), {count}},
        V{first.data(), {count}}, V{second.data(), {count}}, {.rounding_seed = 7}, {&run, 1});
    for (std::size_t i = 0; i < values.size(); ++i) {
      auto const value = static_cast<float>(rounded[i]);
      BOOST_REQUIRE((std::abs(value - values[i]) < 0x1p-7F));
      if (i % 4 == 0) BOOST_REQUIRE((value == values[i]));
      mean[i] += (static_cast<double>(value) - static_cast<double>(values[i])) / draws;
    }
  }
  double total = 0;
  for (double const error : mean) {
    BOOST_TEST(std::abs(error) < 5 * 0x1p-8 / std::sqrt(double(draws)));  // 5 deviations or more
    total += error;
  }
  BOOST_TEST(std::abs(total / count) < 5 * 0x1p-8 / std::sqrt(double(draws * count)));
}

BOOST_AUTO_TEST_CASE(a_seed_gives_the_same_weights_in_every_run_and_other_seeds_others) {
  auto const once = trained(7);
  BOOST_TEST((trained(7) == once));
  BOOST_TEST((trained(8) != once));
  BOOST_TEST((trained(std::nullopt) != once));
}

BOOST_AUTO_TEST_CASE(a_run_that_goes_on_from_a_checkpoint_rounds_the_same) {
  ScratchFolder const folder;
  auto const api = std::make_shared<FakeCuda>();
  accrete::AdamW const optimizer{.rounding_seed = 7};
  auto model = make_model(api);
  auto batches = random_batches(vocabulary, 2, 5);
  accrete::Trainer{model, optimizer, steps(2)}.fit(batches);
  model.body().grow(1);
  accrete::Trainer trainer{model, optimizer, steps(9)};
  for (int i = 0; i < 3; ++i) trainer.step(batches);
  accrete::CheckpointWriter{model}.with(trainer).with(batches).save(folder / "a");

  auto again = make_model(api);
  again.body().grow(1);
  accrete::CheckpointReader const file(folder / "a");
  file.restore(again);
  accrete::Trainer resumed{again, optimizer, steps(9)};
  file.restore(resumed);
  auto resumed_batches = random_batches(vocabulary, 2, 5);
  file.restore(resumed_batches);
  trainer.step(batches);
  resumed.step(resumed_batches);
  BOOST_TEST((elements_of(again) == elements_of(model)));
  BOOST_TEST(same_bits(parameters_of(again), parameters_of(model)));
}

BOOST_AUTO_TEST_CASE(a_trainer_without_a_seed_reads_what_a_file_would_give) {
  ScratchFolder const folder;
  auto const api = std::make_shared<FakeCuda>();
  auto model = make_model(api);
  auto batches = random_batches(vocabulary, 2, 5);
  accrete::Trainer{model, accrete::AdamW{.rounding_seed = 7}, steps(2)}.fit(batches);
  model.body().grow(1);
  accrete::CheckpointWriter{model}.save(folder / "a");
  auto restored = make_model(api);
  restored.body().grow(1);
  accrete::CheckpointReader(folder / "a").restore(restored);
  BOOST_TEST((elements_of(restored) != elements_of(model)));

  auto same_batches = random_batches(vocabulary, 2, 5);
  auto again = random_batches(vocabulary, 2, 5);
  accrete::Trainer{model, accrete::AdamW{}, steps(2)}.fit(same_batches);
  accrete::Trainer{restored, accrete::AdamW{}, steps(2)}.fit(again);
  BOOST_TEST((elements_of(restored) == elements_of(model)));
  BOOST_TEST(same_bits(parameters_of(restored), parameters_of(model)));
}

BOOST_AUTO_TEST_SUITE_END()
