// Cells of the study on a device: what examples/study computes with CudaBackend in the place of CpuBackend.
#define ACCRETE_STUDY_ON_CUDA
#include "../../examples/study/make_cell.hpp"

#include <boost/test/unit_test.hpp>

#include "support/models.hpp"
#include "support/scratch_folder.hpp"
#include "support/tested_cuda.hpp"

namespace {
std::shared_ptr<accrete_test::TestedCuda> device;
}

study::Backend study::make_backend(Settings const&) {
  return Backend(device);
}

BOOST_AUTO_TEST_SUITE(cuda_study)

namespace {

using namespace accrete_test;
using study::Cell, study::Diet, study::Task;

constexpr Index vocabulary = 19;

/// A study of two languages, as prepare_text leaves it.
study::Settings prepared(std::filesystem::path const& folder) {
  study::Settings settings{.scale = {.name = "tiny",
                                     .vocabulary = vocabulary,
                                     .substrate_width = 8,
                                     .model_dim = 8,
                                     .heads = 2,
                                     .union_dim = 16,
                                     .union_heads = 4,
                                     .stage_blocks = 1,
                                     .stage_steps = 3,
                                     .tuning_steps = 2,
                                     .batch = 2,
                                     .time = 5,
                                     .scored_tokens = 12,
                                     .pair_seeds = 1,
                                     .seeds = 1,
                                     .learning_rate = 3e-3},
                           .output = folder};
  std::filesystem::create_directories(settings.state_folder());
  random_substrate(vocabulary, 8).save(settings.state("substrate.safetensors"));
  std::map<std::string, study::ScoredText> texts;
  accrete::Json names = accrete::Json::array(), unigram = accrete::Json::object();
  for (std::string const language : {"a", "b"}) {
    accrete::TokenShardWriter shard(settings.state(language + ".shard"), vocabulary);
    shard.append(random_tokens(100, vocabulary));
    shard.commit();
    texts[language] = {random_tokens(12, vocabulary, 2), 20};
    names.push_back(language);
    unigram[language] = accrete::Json(3.0);
  }
  auto const scored = study::detail::to_json(texts);
  accrete::write_file_atomically(settings.state("measures.json"),
                                 accrete::Json::object({{"made_of", study::made_of(settings)},
                                                        {"languages", names},
                                                        {"unigram", unigram},
                                                        {"validation", scored},
                                                        {"test", scored},
                                                        {"odd", scored}})
                                     .dump());
  return settings;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_task_runs) {
  ScratchFolder const folder;
  device = std::make_shared<TestedCuda>();
  auto const settings = prepared(folder.path());
  auto const made = [&](Cell const& cell) {
    auto const json = study::make_cell_on<accrete::FrozenGlyphEmbedding, true>(settings, cell, {});
    BOOST_TEST(json.at("engine").as_string().starts_with("cuda: "));
    return json;
  };
  for (auto const protocol : {study::Protocol::grown, study::Protocol::lora}) {
    auto const run = made({.protocol = protocol});
    BOOST_TEST(run.at("stages").size() == 3u);
    BOOST_TEST(run.at("validation_loss").as_double() > 0);
  }
  BOOST_TEST(made({.task = Task::union_run}).at("stages").size() == 3u);
  BOOST_TEST(made({.task = Task::cache}).at("same_losses").as_bool());

  Cell const merge{.task = Task::merge};
  made(merge.expert(Diet::first));
  made(merge.expert(Diet::second));
  auto const merged = made(merge);
  BOOST_TEST(merged.at("models").size() == 8u);
  BOOST_TEST(merged.at("weights").size() == 2u);
  BOOST_TEST(device->alive() == 0u);
  BOOST_TEST(device->mistakes().empty());
  device.reset();
}

BOOST_AUTO_TEST_SUITE_END()
