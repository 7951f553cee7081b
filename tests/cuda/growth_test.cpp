// What growth makes of memory that the host cannot read, and fusions of experts there, on the fake device.
#include <accrete/backend/cuda/cuda.hpp>
#include <accrete/train/fit_weights.hpp>
#include <accrete/train/moments.hpp>

#include <boost/test/unit_test.hpp>

#include <map>

#include "support/all_close.hpp"
#include "support/models.hpp"
#include "support/scratch_folder.hpp"
#include "support/tested_cuda.hpp"

BOOST_AUTO_TEST_SUITE(cuda_growth)

namespace {

using namespace accrete_test;
using accrete::CudaBackend;
using accrete::CudaBackendBf16;
using CudaModel = GrowingModel<CudaBackend>;
using CudaModelBf16 = GrowingModel<CudaBackendBf16>;

constexpr Index vocabulary = 11, width = 8;

template <class Model>
Model make_model(typename Model::Backend backend, Index hidden = 12, std::uint64_t seed = 3) {
  Model model{backend,
              random_substrate(vocabulary, width),
              {.seed = seed,
               .planned_depth = 2,
               .block = {.model_dim = width, .head_count = 2, .hidden_dim = hidden}}};
  model.body().grow(1);
  return model;
}

accrete::TrainerOptions steps(Index count) {
  return {.steps = count, .schedule = {.shape = accrete::Schedule::Shape::constant}};
}

template <class Model>
std::vector<double> losses_of(Model& model, accrete::TrainerOptions options) {
  std::vector<double> losses;
  auto batches = random_batches(vocabulary, 2, 5);
  options.on_step = [&](accrete::StepReport const& step) { losses.push_back(step.loss); };
  accrete::Trainer{model, accrete::AdamW{}, options}.fit(batches);
  return losses;
}

/// Masters by name; where products read a rounded copy, it is the rounded master.
template <class Model>
auto named_parameters(Model& model) {
  std::map<std::string, std::vector<double>> values;
  model.for_each_segment([&](std::string const&, auto const& segment) {
    auto const masters = accrete::host_copy(segment.backend(), segment.values());
    auto const elements = accrete::host_copy(segment.backend(), segment.elements());
    using E = accrete::TypeOf<typename Model::Backend, accrete::Element>;
    for (auto const& entry : segment.entries())
      for (Index i = entry.offset; i < entry.offset + entry.count; ++i) {
        auto const at = static_cast<std::size_t>(i);
        values[entry.name].push_back(static_cast<double>(masters[at]));
        BOOST_REQUIRE((elements[at] == static_cast<E>(masters[at])));
      }
  });
  return values;
}

/// All fusions that train, one within the other.
template <class Model>
using Fused = accrete::Ensemble<accrete::MeanOfProbabilities,
                                accrete::Ensemble<accrete::LearnedGate, Model, Model>,
                                accrete::Ensemble<accrete::LogitAdapter, Model, Model>>;

template <class Model>
Fused<Model> make_fused(typename Model::Backend const& backend) {
  auto const expert = [&](Index hidden, std::uint64_t seed) {
    return make_model<Model>(backend, hidden, seed);
  };
  return Fused<Model>{accrete::MeanOfProbabilities{},
                      accrete::Ensemble<accrete::LearnedGate, Model, Model>{
                          accrete::LearnedGate{}, expert(12, 1), expert(20, 2)},
                      accrete::Ensemble<accrete::LogitAdapter, Model, Model>{
                          accrete::LogitAdapter{.rank = 4}, expert(12, 3), expert(16, 4)}};
}

template <class Model>
concept WeightedMeanFits = accrete::FusionPolicy<accrete::WeightedMean, typename Model::Backend>;
static_assert(WeightedMeanFits<CpuModel> && WeightedMeanFits<CudaModel> &&
              !WeightedMeanFits<CudaModelBf16>);  // FusionFitsExperts

}  // namespace

BOOST_AUTO_TEST_CASE(new_blocks_start_as_on_the_cpu) {
  using accrete::BlockStart;
  auto const api = std::make_shared<TestedCuda>();
  {
    auto on_cpu = make_model<CpuModel>(Cpu(1));
    auto model = make_model<CudaModel>(CudaBackend(api));
    auto rounded = make_model<CudaModelBf16>(CudaBackendBf16(api));
    for (auto const start : {BlockStart::copy_top, BlockStart::zero_output, BlockStart::random,
                             BlockStart::copy_stack, BlockStart::middle}) {
      Index const count = start == BlockStart::copy_stack ? on_cpu.body().depth() : 1;
      on_cpu.body().grow(count, start);
      model.body().grow(count, start);
      rounded.body().grow(count, start);
      BOOST_TEST((named_parameters(model) == named_parameters(on_cpu)));
      BOOST_TEST((named_parameters(rounded) == named_parameters(on_cpu)));
    }
    BOOST_TEST(all_close(losses_of(model, steps(2)), losses_of(on_cpu, steps(2)), 1e-5));
  }
  BOOST_TEST(api->alive() == 0u);
  BOOST_TEST(api->mistakes().empty());
}

BOOST_AUTO_TEST_CASE(moments_are_handed_over_through_the_host) {
  auto const api = std::make_shared<TestedCuda>();
  auto whole = make_model<CudaModel>(CudaBackend(api));
  auto handed_over = make_model<CudaModel>(CudaBackend(api));
  auto batches = random_batches(vocabulary, 2, 5), same = batches;
  accrete::Trainer one{whole, accrete::AdamW{}, steps(9)};
  for (int i = 0; i < 5; ++i) one.step(batches);

  auto first =
      std::make_unique<accrete::Trainer<CudaModel>>(handed_over, accrete::AdamW{}, steps(9));
  for (int i = 0; i < 3; ++i) first->step(same);
  accrete::Moments<CudaBackend> const moments(first->active(), first->steps_done(),
                                              [](std::string const&) { return true; });
  first.reset();
  accrete::Trainer second{handed_over, accrete::AdamW{}, steps(9)};
  moments.give_to(second.active(), [](std::string const& name) { return name; });
  for (int i = 0; i < 2; ++i) second.step(same);
  BOOST_TEST(same_bits(parameters_of(handed_over), parameters_of(whole)));
}

BOOST_AUTO_TEST_CASE(a_prefix_cache_changes_nothing_that_is_computed) {
  auto const api = std::make_shared<TestedCuda>();
  ScratchFolder const folder;
  auto const train = [&](std::optional<accrete::PrefixCacheOptions> cache) {
    auto model = make_model<CudaModel>(CudaBackend(api, {.deterministic = true}));
    model.body().grow(1);
    auto options = steps(6);
    options.prefix_cache = std::move(cache);
    auto losses = losses_of(model, options);
    return std::pair{losses, parameters_of(model)};
  };
  auto const without = train(std::nullopt);
  BOOST_TEST((train(accrete::PrefixCacheOptions{}) == without));
  for (int run = 0; run < 2; ++run)  // the second reads what the first has written
    BOOST_TEST((train(accrete::PrefixCacheOptions{.folder = folder.path()}) == without));
}

BOOST_AUTO_TEST_CASE(fusions_train_and_write_like_on_the_cpu) {
  auto const api = std::make_shared<TestedCuda>();
  ScratchFolder const folder;
  {
    auto model = make_fused<CudaModel>(CudaBackend(api));
    auto on_cpu = make_fused<CpuModel>(Cpu(1));
    BOOST_TEST(all_close(losses_of(model, steps(3)), losses_of(on_cpu, steps(3)), 1e-5));
    BOOST_TEST(all_close(parameters_of(model), parameters_of(on_cpu), 1e-3, 1e-5));
    accrete::GenerateOptions const options{.max_tokens = 5, .sampling = {.temperature = 0}};
    BOOST_TEST((accrete::generate_tokens(model, {{1, 5, 6}, {1}}, options) ==
                accrete::generate_tokens(on_cpu, {{1, 5, 6}, {1}}, options)));

    accrete::CheckpointWriter{model}.save(folder / "fused");
    accrete::CheckpointReader(folder / "fused").restore(on_cpu);
    BOOST_TEST(same_bits(parameters_of(on_cpu), parameters_of(model)));
  }
  BOOST_TEST(api->alive() == 0u);
  BOOST_TEST(api->mistakes().empty());
}

#ifndef __CUDACC__  // what only the fake device can do
BOOST_AUTO_TEST_CASE(adapters_merge_into_the_masters_of_rounded_weights) {
  auto const api = std::make_shared<TestedCuda>();
  {
    auto model = make_model<CudaModelBf16>(CudaBackendBf16(api));
    model.body().freeze();
    model.body().add_adapters({.rank = 2, .alpha = 4, .targets = {"attention.value"}});
    losses_of(model, steps(4));
    auto before = named_parameters(model);
    double const bound = model.body().merge_adapters();
    BOOST_TEST(bound > 0);
    auto const merged = named_parameters(model);  // what products read is the rounded sum
    std::string const name = "blocks.0.attention.qkv.weight",
                      path = "blocks.0.attention.value.adapter";
    auto const &up = before.at(path + ".up"), &down = before.at(path + ".down");
    double most = 0;
    for (std::size_t o = 0; o < 3 * width; ++o)
      for (std::size_t i = 0; i < width; ++i) {
        double expected = before.at(name)[o * width + i];
        if (o >= 2 * width)
          for (std::size_t r = 0; r < 2; ++r)
            expected += 2 * up[(o - 2 * width) * 2 + r] * down[r * width + i];
        most = std::max(most, std::abs(merged.at(name)[o * width + i] - expected));
      }
    BOOST_TEST(most <= bound);
    BOOST_TEST((merged.at(name) != before.at(name)));

    double const bound_back = model.body().unmerge_adapters();
    auto const back = named_parameters(model);
    for (std::size_t i = 0; i < back.at(name).size(); ++i)
      BOOST_TEST(std::abs(back.at(name)[i] - before.at(name)[i]) <= bound_back);
  }
  BOOST_TEST(api->alive() == 0u);
  BOOST_TEST(api->mistakes().empty());
}

BOOST_AUTO_TEST_CASE(weights_of_experts_are_found_like_on_the_cpu) {
  auto const api = std::make_shared<TestedCuda>();
  {
    auto const text = random_tokens(40, vocabulary);
    auto const fit = [&]<class Model>(typename Model::Backend const& backend, Model*) {
      accrete::Ensemble merged{accrete::WeightedMean{}, make_model<Model>(backend, 12, 1),
                               make_model<Model>(backend, 20, 2)};
      auto const found =
          accrete::fit_weights(merged, text, 1, {.scoring = {.batch = 2, .time = 8}});
      BOOST_TEST(merged.fusion().weights().size() == 2u);
      auto const score = accrete::score_tokens(merged, text, 1, {.batch = 2, .time = 8}).mean();
      BOOST_TEST(std::abs(score - found.loss) < 1e-5);
      std::vector<double> numbers = found.weights;
      numbers.push_back(found.loss);
      return numbers;
    };
    auto const found = fit(CudaBackend(api), static_cast<CudaModel*>(nullptr));
    auto const expected = fit(Cpu(1), static_cast<CpuModel*>(nullptr));
    BOOST_TEST(all_close(found, expected, 1e-3));
  }
  BOOST_TEST(api->alive() == 0u);
  BOOST_TEST(api->mistakes().empty());
}

BOOST_AUTO_TEST_CASE(a_prefix_cache_in_memory_is_pinned_as_far_as_it_goes) {
  std::vector<double> expected;
  for (Index const pinnable : {Index{1} << 32, Index{0}}) {
    auto const api = std::make_shared<FakeCuda>();
    api->settings().pinnable = pinnable;
    {
      auto model = make_model<CudaModel>(CudaBackend(api));
      model.body().grow(1);
      auto batches = random_batches(vocabulary, 2, 5);
      auto options = steps(50);
      options.prefix_cache = accrete::PrefixCacheOptions{.byte_limit = 1 << 16};
      accrete::Trainer trainer{model, accrete::AdamW{}, options};
      std::vector<double> losses;
      Index copies = 0;
      for (int i = 0; i < 40; ++i) {  // every sequence twice
        if (i == 20) copies = api->copies_from_pinned();
        losses.push_back(trainer.step(batches).loss);
      }
      BOOST_TEST((api->pinned() > 0) == (pinnable > 0));
      BOOST_TEST(api->copies_from_pinned() - copies ==
                 (pinnable > 0 ? 40 : 0));  // rows, and no others
      if (expected.empty()) expected = losses;
      BOOST_TEST((losses == expected));
    }
    BOOST_TEST(api->alive() == 0u);
    BOOST_TEST(api->mistakes().empty());
  }
}

BOOST_AUTO_TEST_CASE(whatever_call_fails_while_rows_are_kept_nothing_leaks) {
  Index calls = 1000, failures = 0;
  for (Index fail_at = 0; fail_at <= calls; fail_at += 5) {
    auto const api = std::make_shared<FakeCuda>(FakeCuda::Settings{.fail_at = fail_at});
    try {
      auto model = make_model<CudaModel>(CudaBackend(api));
      model.body().grow(1);
      auto batches = random_batches(vocabulary, 1, 2);
      auto options = steps(2);
      options.prefix_cache = accrete::PrefixCacheOptions{.byte_limit = 1 << 12};
      accrete::Trainer{model, accrete::AdamW{}, options}.fit(batches);
    } catch (accrete::Error const& error) {
      BOOST_TEST((says("999")(error)));
      ++failures;
    }
    BOOST_TEST(api->alive() == 0u);
    BOOST_TEST(api->mistakes().empty());
    if (fail_at == 0) calls = api->calls();
  }
  BOOST_TEST(failures > 20);
}
#endif

BOOST_AUTO_TEST_SUITE_END()
