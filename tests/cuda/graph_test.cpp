// Decoding by a graph: what it writes, what it costs, and what happens where it cannot be.
#include <accrete/backend/cuda/cuda.hpp>
#include <accrete/memory/repeated_work.hpp>

#include <boost/test/unit_test.hpp>

#include <limits>
#include <thread>

#include "support/all_close.hpp"
#include "support/models.hpp"
#include "support/tested_cuda.hpp"

BOOST_AUTO_TEST_SUITE(cuda_graph)

namespace {

using namespace accrete_test;
using accrete::CudaBackend;
using accrete::CudaOptions;
using accrete::Ensemble;
using accrete::GenerateOptions;
using accrete::LearnedGate;
using accrete::LogitAdapter;
using accrete::MeanOfProbabilities;
using CudaModel = GrowingModel<CudaBackend>;
using Tokens = std::vector<TokenId>;

constexpr Index vocabulary = 23, width = 8;
CudaOptions const with_graphs{.deterministic = true},
    without_graphs{.deterministic = true, .graphs = false};
std::vector<Tokens> const prompts{
    {1, 5, 9, 13, 2, 7, 11}, {1}, {1, 8, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}};

/// Parameters large enough that tokens are far apart.
template <class Model>
Model make_model(typename Model::Backend const& backend, std::uint64_t seed = 3,
                 Index hidden = 12) {
  Model model{backend,
              random_substrate(vocabulary, width),
              {.seed = seed,
               .planned_depth = 2,
               .block = {.model_dim = width, .head_count = 2, .hidden_dim = hidden}}};
  model.body().grow(2);
  model.for_each_segment([&](std::string const&, auto& segment) {
    for (auto const& entry : segment.entries()) {
      auto const values = accrete::host_copy(
          backend, segment.values().slice(entry.offset, entry.offset + entry.count));
      segment.fill(entry, [&](auto own) {
        std::transform(values.begin(), values.end(), own.begin(), [](auto x) { return 9 * x; });
      });
    }
  });
  return model;
}

template <class Model>
using Fused = Ensemble<MeanOfProbabilities, Ensemble<LearnedGate, Model, Model>,
                       Ensemble<LogitAdapter, Model, Model>>;

template <class Model>
Fused<Model> make_fused(typename Model::Backend const& backend) {
  auto const expert = [&](std::uint64_t seed) {
    return make_model<Model>(backend, seed, 10 + 4 * static_cast<Index>(seed));
  };
  return Fused<Model>{
      MeanOfProbabilities{},
      Ensemble<LearnedGate, Model, Model>{LearnedGate{}, expert(1), expert(2)},
      Ensemble<LogitAdapter, Model, Model>{LogitAdapter{.rank = 4}, expert(3), expert(4)}};
}

/// Settings under which tokens are drawn in every way that there is.
std::vector<GenerateOptions> all_options() {
  std::vector<GenerateOptions> all;
  for (accrete::SamplingOptions const sampling : std::vector<accrete::SamplingOptions>{
           {.temperature = 0}, {.temperature = 2}, {.temperature = 3, .top_k = 7, .top_p = 0.8}})
    all.push_back({.max_tokens = 9, .sampling = sampling, .seed = 4, .prefill = 5});
  return all;
}

void check_nothing_is_left(TestedCuda const& api) {
  BOOST_TEST(api.alive() == 0u);
  BOOST_TEST(api.mistakes().empty());
  for (auto const& mistake : api.mistakes()) BOOST_TEST_MESSAGE(mistake);
}

/// The tokens of all settings, with graphs or without.
template <class Make>
std::vector<std::vector<Tokens>> written(Make&& make, CudaOptions const& options) {
  auto const api = std::make_shared<TestedCuda>();
  std::vector<std::vector<Tokens>> tokens;
  {
    auto const model = make(CudaBackend(api, options));
    for (auto const& settings : all_options())
      tokens.push_back(accrete::generate_tokens(model, prompts, settings));
    BOOST_TEST(api->graphs_made() == (options.graphs ? 3 : 0));
  }
  check_nothing_is_left(*api);
  return tokens;
}

}  // namespace

BOOST_AUTO_TEST_CASE(graphs_write_what_single_steps_write) {
  auto const one = [](CudaBackend const& backend) { return make_model<CudaModel>(backend); };
  auto const fused = [](CudaBackend const& backend) { return make_fused<CudaModel>(backend); };
  BOOST_TEST((written(one, with_graphs) == written(one, without_graphs)));
  BOOST_TEST((written(fused, with_graphs) == written(fused, without_graphs)));
  auto own_kernels = with_graphs, one_by_one = without_graphs;
  own_kernels.decode_kernels = one_by_one.decode_kernels = true;
  BOOST_TEST((written(one, own_kernels) == written(one, one_by_one)));
}

BOOST_AUTO_TEST_CASE(weights_that_the_host_reads_are_read_before_a_step) {
  auto const weighted = []<class Model>(typename Model::Backend const& backend, Model*) {
    return Ensemble{accrete::WeightedMean{{0.7, 0.2}}, make_model<Model>(backend, 1),
                    make_model<Model>(backend, 2)};
  };
  auto const tokens = written(
      [&](CudaBackend const& backend) {
        return weighted(backend, static_cast<CudaModel*>(nullptr));
      },
      with_graphs);
  auto const on_cpu = weighted(Cpu(1), static_cast<CpuModel*>(nullptr));
  auto const settings = all_options();
  for (std::size_t i = 0; i < settings.size(); ++i)
    BOOST_TEST((accrete::generate_tokens(on_cpu, prompts, settings[i]) == tokens[i]));
}

BOOST_AUTO_TEST_CASE(weights_within_another_fusion_make_steps_go_one_by_one) {
  auto const nested = []<class Model>(typename Model::Backend const& backend, Model*) {
    return Ensemble{MeanOfProbabilities{},
                    Ensemble{accrete::WeightedMean{{0.7, 0.2}}, make_model<Model>(backend, 1),
                             make_model<Model>(backend, 2)},
                    make_model<Model>(backend, 4)};
  };
  auto const api = std::make_shared<TestedCuda>();
  {
    auto const model = nested(CudaBackend(api, with_graphs), static_cast<CudaModel*>(nullptr));
    auto const on_cpu = nested(Cpu(1), static_cast<CpuModel*>(nullptr));
    auto options = all_options().front();
    std::vector<std::string> warnings;
    options.on_warning = [&](std::string_view text) { warnings.emplace_back(text); };
    BOOST_TEST((accrete::generate_tokens(model, prompts, options) ==
                accrete::generate_tokens(on_cpu, prompts, options)));
    BOOST_TEST(warnings.size() == 1u);
  }
  check_nothing_is_left(*api);
}

BOOST_AUTO_TEST_CASE(the_cpu_writes_the_same) {
  auto const tokens = written(
      [](CudaBackend const& backend) { return make_model<CudaModel>(backend); }, with_graphs);
  auto const on_cpu = make_model<CpuModel>(Cpu(1));
  auto const settings = all_options();
  for (std::size_t i = 0; i < settings.size(); ++i)
    BOOST_TEST((accrete::generate_tokens(on_cpu, prompts, settings[i]) == tokens[i]));
}

BOOST_AUTO_TEST_CASE(logits_have_the_bits_of_single_steps_and_rows_may_go_back) {
  auto const api = std::make_shared<TestedCuda>();
  CudaBackend const backend(api, with_graphs);
  auto const model = make_fused<CudaModel>(backend);
  accrete::SessionPlan const plan{.batch = 2, .cache = 20};
  Fused<CudaModel>::Session single(model, plan), repeated(model, plan);
  accrete::RepeatedWork<CudaBackend> steps;
  auto const ids = random_tokens(40, vocabulary);
  for (std::size_t step = 0; step < 20; ++step) {
    if (step == 9)
      for (auto* const session : {&single, &repeated}) session->rewind(1, 2);
    if (step == 10)
      for (auto* const session : {&single, &repeated}) session->rewind(0, 0);
    accrete::HostView<TokenId const, 2> const next(ids.data() + 2 * step, {2, 1});
    model.decode_step(single, next);
    model.stage_step(repeated, next);
    steps.run(backend, [&] { model.run_step(repeated); });
    model.finish_step(repeated);
    BOOST_TEST(same_bits(logits_of(model, repeated), logits_of(model, single)));
  }
  BOOST_TEST(api->graphs_made() == 1);
}

BOOST_AUTO_TEST_CASE(sequences_end_one_by_one_and_stop_when_told) {
  auto const api = std::make_shared<TestedCuda>();
  auto const model = make_model<CudaModel>(CudaBackend(api, with_graphs));
  GenerateOptions options{.max_tokens = 40, .sampling = {.temperature = 3}, .stop_at_end = false};
  auto const free = accrete::generate_tokens(model, prompts, options);
  options.stop_at_end = true;
  auto const ended = accrete::generate_tokens(model, prompts, options);
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    auto const end = std::find(free[i].begin(), free[i].end(), 2);
    BOOST_TEST(ended[i] == Tokens(free[i].begin(), end), boost::test_tools::per_element());
    BOOST_TEST((accrete::generate_tokens(model, {prompts[0]}, options)[0] == ended[0]));
  }
  std::stop_source stop;
  options.stop = stop.get_token();
  stop.request_stop();
  BOOST_TEST(accrete::generate_tokens(model, {{1}}, options)[0].size() <= 1u);
}

#ifndef __CUDACC__  // what only the fake device can do
namespace {

/// Tokens as the fake makes them under other settings; what was said meanwhile goes to `warnings`.
std::vector<Tokens> tokens_on(FakeCuda::Settings const& settings,
                              std::vector<std::string>* warnings = nullptr,
                              bool own_kernels = false) {
  auto const api = std::make_shared<FakeCuda>(settings);
  std::vector<Tokens> tokens;
  {
    CudaOptions const cuda{.deterministic = true, .decode_kernels = own_kernels};
    auto const model = make_fused<CudaModel>(CudaBackend(api, cuda));
    auto options = all_options().back();
    if (warnings != nullptr)
      options.on_warning = [&](std::string_view text) { warnings->emplace_back(text); };
    tokens = accrete::generate_tokens(model, prompts, options);
  }
  check_nothing_is_left(*api);
  return tokens;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_repeated_token_is_one_launch_and_one_wait) {
  auto const api = std::make_shared<FakeCuda>();
  auto const model = make_fused<CudaModel>(CudaBackend(api, with_graphs));
  struct Count {
    Index calls, launches, allocations;
  };
  std::vector<Count> counts;
  // Each new token asks whether to stop: the tables are read between the steps.
  auto options = all_options().back();
  options.stop_at_end = false;
  accrete::detail::Generation<Fused<CudaModel>>(model, prompts, options)
      .run([&](std::size_t row, TokenId) {
        if (row == 0) counts.push_back({api->calls(), api->launches(), api->allocations()});
      });
  BOOST_TEST_REQUIRE(counts.size() == 9u);
  for (std::size_t i = 3; i < counts.size();
       ++i) {  // the first is of the prompt, then as it is, recorded
    BOOST_TEST(counts[i].calls - counts[i - 1].calls == 2);
    BOOST_TEST(counts[i].launches == counts[i - 1].launches);
    BOOST_TEST(counts[i].allocations == counts[i - 1].allocations);
  }
}

BOOST_AUTO_TEST_CASE(work_that_runs_as_late_as_it_may_finds_what_was_staged) {
  BOOST_TEST((tokens_on({.waits = true}) == tokens_on({})));
  // Steps without a wait in between, which are not recorded.
  auto const logits = [](bool waits) {
    auto const api = std::make_shared<FakeCuda>(FakeCuda::Settings{.waits = waits});
    auto const model = make_model<CudaModel>(CudaBackend(api, with_graphs));
    CudaModel::Session session(model, {.cache = 8});
    for (TokenId id = 1; id < 8; ++id) model.decode_step(session, {&id, {1, 1}});
    return logits_of(model, session);
  };
  BOOST_TEST(same_bits(logits(true), logits(false)));
}

BOOST_AUTO_TEST_CASE(experts_side_by_side_share_no_memory_in_whatever_order_they_run) {
  for (bool const own_kernels : {false, true}) {  // ours need scratch memory in every block
    auto const expected = tokens_on({}, nullptr, own_kernels);
    for (std::uint64_t const seed : {2u, 77u, 1000u})
      BOOST_TEST((tokens_on({.seed = seed}, nullptr, own_kernels) == expected));
  }
}

BOOST_AUTO_TEST_CASE(experts_are_side_by_side_in_the_graph) {
  auto const api = std::make_shared<FakeCuda>();
  {
    CudaBackend const backend(api, with_graphs);
    auto const record = [&](auto const& model, std::size_t experts) {
      typename std::remove_cvref_t<decltype(model)>::Session session(model, {.cache = 8});
      accrete::RepeatedWork<CudaBackend> steps;
      TokenId const id = 1;
      for (int i = 0; i < 3; ++i) {
        model.stage_step(session, {&id, {1, 1}});
        steps.run(backend, [&] { model.run_step(session); });
        model.finish_step(session);
      }
      BOOST_TEST(api->graph_nodes() == experts * api->graph_depth());
    };
    record(make_model<CudaModel>(backend), 1);
    record(Ensemble{make_model<CudaModel>(backend, 1), make_model<CudaModel>(backend, 2)}, 2);
    record(Ensemble{Ensemble{make_model<CudaModel>(backend, 1), make_model<CudaModel>(backend, 2)},
                    Ensemble{make_model<CudaModel>(backend, 3), make_model<CudaModel>(backend, 4)}},
           4);
  }
  check_nothing_is_left(*api);
}

BOOST_AUTO_TEST_CASE(where_cuda_refuses_steps_go_on_one_by_one_and_it_is_said_once) {
  auto const expected = tokens_on({});
  for (FakeCuda::Settings const& settings :
       {FakeCuda::Settings{.refuses_capture = accrete::cuda::capture_unsupported},
        FakeCuda::Settings{.refuses_capture = accrete::cuda::not_supported},
        FakeCuda::Settings{.pinnable = 0},  // copies from ordinary memory are not recorded
        FakeCuda::Settings{.pinnable = 0, .refuses_pinning = accrete::cuda::operating_system},
        FakeCuda::Settings{.pinnable = 0, .refuses_pinning = accrete::cuda::not_supported}}) {
    std::vector<std::string> warnings;
    BOOST_TEST((tokens_on(settings, &warnings) == expected));
    BOOST_TEST_REQUIRE(warnings.size() == 1u);
    BOOST_TEST(warnings[0].find("not recorded as a graph") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(work_that_reads_or_allocates_is_not_recorded_but_done) {
  auto const api = std::make_shared<FakeCuda>();
  {
    CudaBackend const backend(api, with_graphs);
    auto const memory = backend.allocate(64);
    accrete::RepeatedWork<CudaBackend> reads, allocates;
    int read = 0, allocated = 0;
    std::vector<char> host(64);
    for (int i = 0; i < 3; ++i) {
      reads.run(backend, [&] {
        backend.copy_to_host(host.data(), memory.get(), 64);
        ++read;
      });
      allocates.run(backend, [&] {
        static_cast<void>(backend.allocate(16));
        ++allocated;
      });
    }
    BOOST_TEST(read == 3);
    BOOST_TEST(allocated == 3);
    BOOST_TEST(!backend.take_warning().empty());
  }
  check_nothing_is_left(*api);
}

BOOST_AUTO_TEST_CASE(a_graph_keeps_the_scratch_memory_that_it_uses) {
  auto const api = std::make_shared<FakeCuda>();
  {
    CudaBackend const backend(api, with_graphs);
    auto const to = backend.allocate(16);
    accrete::RepeatedWork<CudaBackend> work;
    auto const run = [&] {
      work.run(backend, [&] {
        auto const scratch = backend.context().scratch(16);
        backend.context().set_to_zero(scratch.as<char>(), 16);
        backend.context().copy_on_device(to.get(), scratch.as<char>(), 16);
      });
    };
    run();
    run();
    static_cast<void>(backend.context().scratch(1 << 10));  // as another operation may
    run();
    BOOST_TEST(api->graph_launches() == 2);
  }
  check_nothing_is_left(*api);
}

BOOST_AUTO_TEST_CASE(what_fails_while_recording_leaves_nothing_behind) {
  auto const api = std::make_shared<FakeCuda>();
  {
    CudaBackend const backend(api, with_graphs);
    auto const memory = backend.allocate(64);
    BOOST_CHECK_THROW(static_cast<void>(backend.record([&] {
                        backend.context().set_to_zero(memory.get(), 64);
                        throw accrete::ValueError("of its own");
                      })),
                      accrete::ValueError);
    auto const again = backend.record([&] { backend.context().set_to_zero(memory.get(), 64); });
    BOOST_TEST(static_cast<bool>(again));
  }
  check_nothing_is_left(*api);
}

BOOST_AUTO_TEST_CASE(what_another_thread_submits_is_not_recorded) {
  auto const api = std::make_shared<FakeCuda>();
  CudaBackend const backend(api, with_graphs);
  auto const own = backend.allocate(64), others = backend.allocate(64);
  auto const recording = backend.record([&] {
    backend.context().set_to_zero(own.get(), 64);
    std::thread([&] { backend.context().set_to_zero(others.get(), 64); }).join();
  });
  BOOST_TEST_REQUIRE(static_cast<bool>(recording));
  BOOST_TEST(api->graph_nodes() == 1u);
}
#endif

BOOST_AUTO_TEST_SUITE_END()
