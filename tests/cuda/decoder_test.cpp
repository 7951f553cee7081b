// Whole models on the CUDA backend, on the fake device.
#include <accrete/backend/cuda/cuda.hpp>

#include <boost/test/unit_test.hpp>

#include "parity/decoder_parity.hpp"
#include "support/all_close.hpp"
#include "support/extended_substrate.hpp"
#include "support/models.hpp"
#include "support/scratch_folder.hpp"
#include "support/tested_cuda.hpp"

BOOST_AUTO_TEST_SUITE(cuda_decoder)

namespace {

using namespace accrete_test;
using accrete::CudaBackend;
using CudaModel = GrowingModel<CudaBackend>;

constexpr Index vocabulary = 11, width = 8;
accrete::CudaOptions const deterministic{.deterministic = true};

void check_nothing_is_left(TestedCuda const& api) {
  BOOST_TEST(api.alive() == 0u);
  BOOST_TEST(api.mistakes().empty());
  for (auto const& mistake : api.mistakes()) BOOST_TEST_MESSAGE(mistake);
}

void check_golden(char const* name) {
  parity::Reference const reference(ACCRETE_SOURCE_DIR "/tests/golden/" + std::string(name));
  for (bool const decode_kernels : {false, true}) {
    auto const api = std::make_shared<TestedCuda>();
    parity::Report report(decode_kernels ? "cuda float, own decode" : "cuda float", 1e-4);
    parity::DecoderParity<DynamicBlock<CudaBackend>>(
        CudaBackend(api, {.decode_kernels = decode_kernels}), reference, report, false)
        .run();
    BOOST_TEST(report.ok());
    check_nothing_is_left(*api);
  }
}

template <class Model>
Model make_model(typename Model::Backend backend) {
  Model model{backend,
              random_substrate(vocabulary, width),
              {.seed = 3,
               .planned_depth = 2,
               .block = {.model_dim = width, .head_count = 2, .hidden_dim = 12}}};
  model.body().grow(1);
  return model;
}

accrete::TrainerOptions steps(Index count) {
  return {.steps = count, .schedule = {.steps = 0}};
}

/// Losses of three steps, then of two more after growth.
template <class Model>
std::vector<double> train_and_grow(Model& model) {
  std::vector<double> losses;
  auto batches = random_batches(vocabulary, 2, 5);
  auto options = steps(3);
  options.on_step = [&](accrete::StepReport const& step) {
    losses.push_back(step.loss);
    losses.push_back(step.gradient_norm);
  };
  accrete::Trainer{model, accrete::AdamW{}, options}.fit(batches);
  model.body().grow(1);
  options.steps = 2;
  accrete::Trainer{model, accrete::AdamW{}, options}.fit(batches);
  return losses;
}

template <class Backend, class... Policies>
using LearnedModel =
    accrete::Decoder<accrete::LearnedEmbedding,
                     accrete::Growable<accrete::Stack<DynamicBlock<Backend, Policies...>>>,
                     accrete::LinearHead<accrete::RmsNorm>>;

}  // namespace

BOOST_AUTO_TEST_CASE(tiny_decoder_equals_pytorch) {
  check_golden("decoder_tiny.safetensors");
}

BOOST_AUTO_TEST_CASE(small_decoder_equals_pytorch) {
  check_golden("decoder_small.safetensors");
}

BOOST_AUTO_TEST_CASE(trains_and_grows_like_the_cpu) {
  auto const api = std::make_shared<TestedCuda>();
  {
    auto model = make_model<CudaModel>(CudaBackend(api));
    auto on_cpu = make_model<CpuModel>(Cpu(1));
    BOOST_TEST(all_close(train_and_grow(model), train_and_grow(on_cpu), 1e-5));
    BOOST_TEST(all_close(parameters_of(model), parameters_of(on_cpu), 1e-3));
    std::vector<std::vector<TokenId>> const prompts{{1, 5, 6}, {1}};
    accrete::GenerateOptions const options{
        .max_tokens = 6, .sampling = {.temperature = 0}, .prefill = 2};
    BOOST_TEST((accrete::generate_tokens(model, prompts, options) ==
                accrete::generate_tokens(on_cpu, prompts, options)));
  }
  check_nothing_is_left(*api);
}

BOOST_AUTO_TEST_CASE(other_parts_train_like_the_cpu) {
  auto const api = std::make_shared<TestedCuda>();
  {
    auto model =
        make_model<LearnedModel<CudaBackend, accrete::RmsNorm, accrete::Swiglu>>(CudaBackend(api));
    auto on_cpu = make_model<LearnedModel<Cpu, accrete::RmsNorm, accrete::Swiglu>>(Cpu(1));
    BOOST_TEST(all_close(train_and_grow(model), train_and_grow(on_cpu), 1e-5));
  }
  check_nothing_is_left(*api);
}

BOOST_AUTO_TEST_CASE(bfloat16_trains_like_float) {
  auto const losses_of = [](auto model) {
    std::vector<double> losses;
    auto batches = random_batches(vocabulary, 2, 5);
    auto options = steps(20);
    options.on_step = [&](accrete::StepReport const& step) { losses.push_back(step.loss); };
    accrete::Trainer{model, accrete::AdamW{.learning_rate = 3e-3}, options}.fit(batches);
    return losses;
  };
  auto const api = std::make_shared<TestedCuda>();
  auto const exact = losses_of(make_model<CpuModel>(Cpu(1)));
  auto const rounded =
      losses_of(make_model<GrowingModel<accrete::CudaBackendBf16>>(accrete::CudaBackendBf16(api)));
  BOOST_TEST(all_close(rounded, exact, 0, 0.02 * exact[0]));
  check_nothing_is_left(*api);
}

BOOST_AUTO_TEST_CASE(bfloat16_weights_are_the_rounded_masters) {
  auto const api = std::make_shared<TestedCuda>();
  auto model = make_model<GrowingModel<accrete::CudaBackendBf16>>(accrete::CudaBackendBf16(api));
  auto batches = random_batches(vocabulary, 2, 5);
  accrete::Trainer{model, accrete::AdamW{}, steps(2)}.fit(batches);
  model.for_each_segment([](std::string const&, auto& segment) {
    auto const masters = accrete::host_copy(segment.backend(), segment.values());
    auto const elements = accrete::host_copy(segment.backend(), segment.elements());
    for (std::size_t i = 0; i < masters.size(); ++i)
      BOOST_TEST(elements[i].bits() == accrete::bfloat16(masters[i]).bits());
  });
}

BOOST_AUTO_TEST_CASE(a_step_in_steady_state_allocates_nothing_on_the_device) {
  auto const api = std::make_shared<TestedCuda>();
  auto model = make_model<CudaModel>(CudaBackend(api));
  auto batches = random_batches(vocabulary, 2, 5);
  accrete::Trainer trainer{model, accrete::AdamW{}, steps(5)};
  trainer.step(batches);
  trainer.step(batches);
  Index const before = api->allocations();
  trainer.step(batches);
  BOOST_TEST(api->allocations() == before);
}

BOOST_AUTO_TEST_CASE(checkpoints_go_between_backends) {
  ScratchFolder const folder;
  auto const api = std::make_shared<TestedCuda>();
  auto model = make_model<CudaModel>(CudaBackend(api, deterministic));
  auto batches = random_batches(vocabulary, 2, 5);
  accrete::Trainer trainer{model, accrete::AdamW{}, steps(4)};
  trainer.step(batches);
  accrete::CheckpointWriter{model}.with(trainer).with(batches).save(folder / "a");
  accrete::CheckpointReader const file(folder / "a");

  auto on_cpu = make_model<CpuModel>(Cpu(1));
  file.restore(on_cpu);
  BOOST_TEST(same_bits(parameters_of(on_cpu), parameters_of(model)));

  auto again = make_model<CudaModel>(CudaBackend(api, deterministic));
  file.restore(again);
  accrete::Trainer resumed{again, accrete::AdamW{}, steps(4)};
  file.restore(resumed);
  auto resumed_batches = random_batches(vocabulary, 2, 5);
  file.restore(resumed_batches);
  trainer.step(batches);
  resumed.step(resumed_batches);
  BOOST_TEST(same_bits(parameters_of(again), parameters_of(model)));
}

BOOST_AUTO_TEST_CASE(vocabulary_growth_keeps_older_logits) {
  auto const api = std::make_shared<TestedCuda>();
  auto model = make_model<CudaModel>(CudaBackend(api));
  auto const tokens = random_tokens(6, vocabulary);
  auto const before = logits_of(model, tokens, 2);
  model.grow_vocabulary(extended(model.substrate(), 2));
  auto const after = logits_of(model, tokens, 2);
  for (std::size_t row = 0; row < 6; ++row)
    for (std::size_t v = 0; v < vocabulary; ++v) {
      auto const now = after[row * (vocabulary + 2) + v], then = before[row * vocabulary + v];
#ifdef __CUDACC__  // cuBLASLt may sum in another order for another number of columns
      BOOST_TEST(std::abs(now - then) <= 1e-5F);
#else
      BOOST_TEST(now == then);
#endif
    }
}

BOOST_AUTO_TEST_CASE(two_backends_have_streams_of_their_own) {
  auto const api = std::make_shared<TestedCuda>();
  {
    auto first = make_model<CudaModel>(CudaBackend(api, deterministic));
    auto second = make_model<CudaModel>(CudaBackend(api, deterministic));
    BOOST_TEST(first.backend().context().stream() != second.backend().context().stream());
    BOOST_TEST(train_and_grow(first) == train_and_grow(second));
  }
  check_nothing_is_left(*api);
}

#ifndef __CUDACC__  // what only the fake device can do
namespace {

/// Builds, trains one step, generates, saves and loads.
void live(std::shared_ptr<TestedCuda> const& api, ScratchFolder const& folder) {
  auto model = make_model<CudaModel>(CudaBackend(api, {.candidates = 2}));
  auto batches = random_batches(vocabulary, 1, 2);
  accrete::Trainer trainer{model, accrete::AdamW{}, steps(1)};
  trainer.fit(batches);
  auto const file = folder / "checkpoint.safetensors";
  accrete::CheckpointWriter{model}.with(trainer).save(file);
  accrete::CheckpointReader(file).restore(model);
  // Steps as they are, recorded, and repeated; and of two experts side by side.
  static_cast<void>(
      accrete::generate_tokens(model, {{1, 4}}, {.max_tokens = 5, .stop_at_end = false}));
  auto const other = make_model<CudaModel>(model.backend());
  accrete::Ensemble const both{std::move(model), make_model<CudaModel>(other.backend())};
  static_cast<void>(
      accrete::generate_tokens(both, {{1, 4}}, {.max_tokens = 4, .stop_at_end = false}));
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_order_of_threads_and_blocks_changes_no_bit) {
  auto const trained = [](std::uint64_t seed) {
    auto const api = std::make_shared<FakeCuda>(FakeCuda::Settings{.seed = seed});
    auto model = make_model<CudaModel>(CudaBackend(api));
    static_cast<void>(train_and_grow(model));
    return parameters_of(model);
  };
  BOOST_TEST(same_bits(trained(1), trained(1000)));
}

BOOST_AUTO_TEST_CASE(whatever_call_fails_is_named_and_nothing_leaks) {
  ScratchFolder const folder;
  auto const whole = std::make_shared<FakeCuda>();
  live(whole, folder);
  check_nothing_is_left(*whole);
  BOOST_TEST(whole->calls() > 200);
  for (Index call = 1; call <= whole->calls(); ++call) {
    auto const api = std::make_shared<FakeCuda>(FakeCuda::Settings{.fail_at = call});
    BOOST_TEST_CONTEXT("call " << call) {
      BOOST_CHECK_EXCEPTION(live(api, folder), accrete::Error, says("999"));
      check_nothing_is_left(*api);
    }
  }
}

BOOST_AUTO_TEST_CASE(out_of_device_memory_is_said_before_anything_is_trained) {
  auto const api = std::make_shared<FakeCuda>(FakeCuda::Settings{.memory = Index{8} << 20});
  auto model = make_model<CudaModel>(CudaBackend(api));
  auto batches = random_batches(vocabulary, 64, 512);
  accrete::Trainer trainer{model, accrete::AdamW{}, steps(1)};
  BOOST_CHECK_EXCEPTION(trainer.step(batches), accrete::Error, says("out of device memory"));
}
#endif

BOOST_AUTO_TEST_SUITE_END()
