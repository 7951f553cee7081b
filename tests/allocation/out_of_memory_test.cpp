// One allocation after the other fails: an exception, no leak, and the next call works.
#include <cstdlib>
#include <functional>
#include <new>
#include <string>
#include <vector>

#include <accrete/io/folder_names.hpp>
#include <accrete/substrate/glyph/hex_font.hpp>
#include <accrete/text/ngram_list.hpp>
#include <boost/test/unit_test.hpp>

#include "support/allocations.hpp"
#include "support/models.hpp"
#include "support/scratch_folder.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(out_of_memory)

namespace {

constexpr Index vocabulary = 23;

/// What became of a call of which each allocation failed once.
struct Outcome {
  long allocations = 0, bad_allocs = 0, errors = 0, survived = 0, leaks = 0, others = 0;
};

/// `f` must do the same at each call.
Outcome fail_each_allocation(std::function<void()> const& f) {
  for (int i = 0; i < 2; ++i) f();  // what is made once per process or thread is there
  Outcome outcome;
  for (;; ++outcome.allocations) {
    bool failed = false;
    // What an error path makes once per process may grow once; what leaks grows each time.
    for (int attempt = 0; attempt < 2; ++attempt) {
      long const before = Allocations::alive;
      enum { went_well, ran_out, refused, other } end = went_well;
      {
        FailingAllocation const failing(outcome.allocations);
        try {
          f();
        } catch (std::bad_alloc const&) {
          end = ran_out;
        } catch (Error const&) {
          end = refused;
        } catch (...) {
          end = other;
        }
        failed = FailingAllocation::has_failed();
      }
      bool const grew = Allocations::alive != before;
      if (grew && attempt == 0) continue;
      if (!failed) break;
      outcome.leaks += grew ? 1 : 0;
      ++(end == ran_out   ? outcome.bad_allocs
         : end == refused ? outcome.errors
         : end == other   ? outcome.others
                          : outcome.survived);
      break;
    }
    if (!failed) break;
  }
  f();
  return outcome;
}

int open_descriptors() {
  int count = 0;
  BOOST_TEST(for_each_name_in("/proc/self/fd", [&](char const*) { ++count; }) == 0);
  return count;
}

/// Returns how many allocations f() makes.
long check(char const* what, std::function<void()> const& f, long most_survived = 5) {
  Outcome outcome;
  BOOST_TEST_CONTEXT(what) {
    int const descriptors = open_descriptors();
    outcome = fail_each_allocation(f);
    BOOST_TEST(open_descriptors() == descriptors);
    BOOST_TEST_MESSAGE(what << ": " << outcome.allocations << " allocations, " << outcome.bad_allocs
                            << " bad_alloc, " << outcome.errors << " errors, " << outcome.survived
                            << " survived");
    BOOST_TEST(outcome.allocations > 0);
    BOOST_TEST(outcome.leaks == 0);
    BOOST_TEST(outcome.others == 0);
    BOOST_TEST(outcome.survived <= most_survived);
  }
  return outcome.allocations;
}

CpuModel make() {
  CpuModel model{
      Cpu(1),
      random_substrate(vocabulary, 8),
      {.planned_depth = 1, .block = {.model_dim = 16, .head_count = 2, .hidden_dim = 24}}};
  model.body().grow(1);
  return model;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_training_run_throws_leaks_nothing_and_can_be_begun_again) {
  Cpu const cpu(1);
  Substrate const substrate = random_substrate(vocabulary, 8);
  long const allocations = check("training", [&] {
    CpuModel model{
        cpu,
        substrate,
        {.planned_depth = 1, .block = {.model_dim = 16, .head_count = 2, .hidden_dim = 24}}};
    model.body().grow(1);
    Batches batches({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21},
                    {.batch = 2, .time = 5});
    Trainer{model, AdamW{}, {.steps = 2}}.fit(batches);
  });
  BOOST_TEST(allocations <= 300);
}

BOOST_AUTO_TEST_CASE(saving_a_checkpoint_throws_leaks_nothing_and_can_be_begun_again) {
  ScratchFolder const folder;
  CpuModel model = make();
  Batches batches = random_batches(vocabulary, 2, 5);
  Trainer trainer{model, AdamW{}, {.steps = 2}};
  trainer.fit(batches);
  long const allocations = check(
      "saving",
      [&] { CheckpointWriter{model}.with(trainer).with(batches).save(folder / "checkpoint"); },
      20);  // looking for files that others left may fail
  // Most are the names and shapes of 42 tensors, and what describes model, trainer and data as JSON.
  BOOST_TEST(allocations <= 300);
  BOOST_TEST((folder.names() == std::set<std::string>{"checkpoint"}));
}

BOOST_AUTO_TEST_CASE(reading_a_checkpoint_throws_leaks_nothing_and_can_be_begun_again) {
  ScratchFolder const folder;
  Cpu const cpu(1);
  CpuModel model = make();
  Batches batches = random_batches(vocabulary, 2, 5);
  Trainer trainer{model, AdamW{}, {.steps = 2}};
  trainer.fit(batches);
  CheckpointWriter{model}.with(trainer).with(batches).save(folder / "checkpoint");
  auto const expected = parameters_of(model);
  check("checkpoint", [&] {
    CheckpointReader const file(folder / "checkpoint");
    file.verify();
    file.restore(model);
    file.restore(trainer);
    file.restore(batches);
  });
  BOOST_TEST((parameters_of(model) == expected));
}

BOOST_AUTO_TEST_CASE(every_reader_throws_leaks_nothing_and_can_be_begun_again) {
  ScratchFolder const folder;
  check("JSON", [] {
    static_cast<void>(
        Json::parse(R"({"a":[1,2.5,-3e4,"text \u00e9 that is longer than a few bytes",null],)"
                    R"("b":{"c":true,"a name that is longer than a few bytes":[[],{}]}})",
                    "json"));
  });

  SafetensorsWriter writer;
  writer.set_metadata({{"key", "a value that is longer than a few bytes"}});
  writer.declare("weight", DType::f32, {2, 3});
  writer.declare("bias", DType::bf16, {4});
  writer.add_hashes();
  writer.open(folder / "tensors");
  writer.write("weight", std::vector<float>(6, 1.5f));
  writer.write("bias", std::as_bytes(std::span("1234567", 8)));
  writer.commit();
  check("safetensors", [&] {
    SafetensorsReader const file(folder / "tensors");
    static_cast<void>(file.read_vector<double>("weight"));
    static_cast<void>(file.read_vector<float>("bias"));
  });

  Substrate const substrate = random_substrate(vocabulary, 8);
  substrate.save(folder / "substrate");
  check("substrate", [&] { static_cast<void>(Substrate::load(folder / "substrate")); });

  {
    TokenShardWriter shard(folder / "shard", 300, "a fingerprint that is longer than a few bytes");
    shard.append(std::vector<TokenId>{1, 2, 299});
    shard.commit();
  }
  check("token shard", [&] {
    TokenShard const shard(folder / "shard");
    std::vector<TokenId> ids(3);
    shard.read(0, ids);
  });

  std::string const plan =
      read_file(std::filesystem::path(ACCRETE_SOURCE_DIR) / "examples/plans/small.json", 1 << 20);
  check("growth plan", [&] { static_cast<void>(parse_growth_plan(plan, "plan")); });

  check("n-gram list", [] {
    static_cast<void>(parse_ngram_list(
        R"([{'lang': 'en', 'language_name': 'English', 'top_ngrams': {2: [('th', 34), ('he', 30)]}}])",
        "list"));
  });

  check(".hex font", [] {
    static_cast<void>(
        HexFont::parse("0041:0000000018242442427E424242420000\n"
                       "0042:000000007C4242427C424242427C0000\n",
                       "font"));
  });
}

BOOST_AUTO_TEST_CASE(reading_a_tokenizer_throws_leaks_nothing_and_can_be_begun_again) {
  std::string const text = read_file(
      std::filesystem::path(ACCRETE_SOURCE_DIR) / "tests/golden/tokenizers/gpt2-unknown.json",
      1 << 20);
  check("tokenizer.json", [&] { static_cast<void>(parse_tokenizer_json(text, "tokenizer")); });
}

BOOST_AUTO_TEST_SUITE_END()
