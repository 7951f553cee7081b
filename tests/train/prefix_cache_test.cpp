#include <accrete/train/prefix_cache.hpp>

#include <boost/test/unit_test.hpp>
#include <fstream>

#include "support/error_text.hpp"
#include "support/failing_file_calls.hpp"
#include "support/models.hpp"
#include "support/scratch_folder.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(prefix_cache)

namespace {

constexpr Index vocabulary = 61, width = 32, batch = 3, window = 17;
constexpr Index row_bytes = window * width * static_cast<Index>(sizeof(float));

/// Two frozen stages below one that trains.
CpuModel grown_model(std::uint64_t seed = 1, int threads = 1) {
  CpuModel model{Cpu(threads),
                 random_substrate(vocabulary, 16),
                 {.seed = seed,
                  .planned_depth = 4,
                  .block = {.model_dim = width, .head_count = 4, .hidden_dim = 64}}};
  model.body().grow(2);
  model.body().grow(1);
  model.body().grow(1);
  return model;
}

struct Run {
  std::vector<double> losses{};
  std::vector<float> parameters{};
  std::optional<double> hit_rate{};
};

/// 20 windows for batches of 3: the data repeat from the seventh step on.
Run train(std::optional<PrefixCacheOptions> cache, Index steps = 20, std::uint64_t seed = 1,
          int threads = 1) {
  auto model = grown_model(seed, threads);
  Batches batches(random_tokens(20 * window + 1, vocabulary),
                  {.batch = batch, .time = window, .seed = 5});
  Run run;
  Trainer trainer{model,
                  AdamW{.learning_rate = 1e-2},
                  {.steps = steps, .prefix_cache = cache, .on_step = [&](StepReport const& report) {
                     run.losses.push_back(report.loss);
                     run.hit_rate = report.prefix_hit_rate;
                   }}};
  trainer.fit(batches);
  run.parameters = parameters_of(model);
  return run;
}

void check_same(Run const& a, Run const& b) {
  BOOST_TEST(a.losses == b.losses, boost::test_tools::per_element());
  BOOST_TEST((a.parameters == b.parameters));
}

}  // namespace

BOOST_AUTO_TEST_CASE(losses_and_parameters_have_the_same_bits_with_and_without) {
  auto const without = train(std::nullopt);
  BOOST_TEST(!without.hit_rate);
  ScratchFolder const folder;
  check_same(without, train(PrefixCacheOptions{}));
  check_same(without, train(PrefixCacheOptions{.folder = folder.path() / "cache"}));
  check_same(without, train(PrefixCacheOptions{}, 20, 1, 3));
}

BOOST_AUTO_TEST_CASE(each_sequence_goes_through_the_prefix_once) {
  // 60 sequences are asked for, of 20 different ones.
  BOOST_TEST(train(PrefixCacheOptions{}).hit_rate.value() == 40.0 / 60.0);
}

BOOST_AUTO_TEST_CASE(a_full_cache_stays_as_it_is) {
  auto const without = train(std::nullopt);
  for (bool const in_file : {false, true}) {
    ScratchFolder const folder;
    Index const some = 7 * (row_bytes + 8 * (window + 2)), none = 10;
    for (Index const limit : {some, none, Index{0}}) {
      auto const run =
          train(PrefixCacheOptions{.byte_limit = limit, .folder = in_file ? folder.path() : ""});
      check_same(without, run);
      if (limit == some) BOOST_TEST((run.hit_rate.value() > 0.1 && run.hit_rate.value() < 0.4));
      if (limit != some) BOOST_TEST(run.hit_rate.value() == 0.0);
      if (in_file)
        for (auto const& file : std::filesystem::directory_iterator(folder.path()))
          BOOST_TEST(std::filesystem::file_size(file) <=
                     static_cast<std::uintmax_t>(std::max<Index>(limit, 64)));
    }
  }
}

BOOST_AUTO_TEST_CASE(
    rows_of_special_memory_come_in_chunks_within_the_limit_and_stay_where_they_are) {
  constexpr Index time = 3, size_of_row = 10, rows = 7;
  std::vector<Index> chunks;
  PrefixRowsInMemory store(
      time, size_of_row, rows * (size_of_row + time * Index{sizeof(TokenId)}) + 5,
      [&](Index bytes) {
        chunks.push_back(bytes);
        return std::shared_ptr<std::byte[]>(new std::byte[static_cast<std::size_t>(bytes)]);
      },
      35);  // three rows
  auto const tokens_of = [](Index row) {
    return std::vector<TokenId>{1, static_cast<TokenId>(row), 2};
  };
  auto const row_of = [](Index row) {
    return std::vector<std::byte>(size_of_row, static_cast<std::byte>(row));
  };
  std::vector<std::byte const*> places;
  for (Index row = 0; row < rows; ++row) {
    BOOST_TEST(store.place_of(tokens_of(row)) == nullptr);
    store.insert(tokens_of(row), row_of(row));
    places.push_back(store.place_of(tokens_of(row)));
  }
  BOOST_TEST(store.room() == nullptr);
  store.insert(tokens_of(rows), row_of(rows));  // full: stays as it is
  BOOST_TEST(!store.place_of(tokens_of(rows)));
  BOOST_TEST((chunks == std::vector<Index>{30, 30, 10}));
  for (Index row = 0; row < rows; ++row) {
    std::vector<std::byte> found(size_of_row);
    BOOST_TEST(store.find(tokens_of(row), found));
    BOOST_TEST((found == row_of(row)));
    BOOST_TEST(store.place_of(tokens_of(row)) == places[static_cast<std::size_t>(row)]);
  }
}

BOOST_AUTO_TEST_CASE(a_file_serves_the_next_run) {
  ScratchFolder const folder;
  PrefixCacheOptions const options{.folder = folder.path()};
  auto const first = train(options);
  auto const second = train(options);
  check_same(first, second);
  BOOST_TEST(second.hit_rate.value() == 1.0);
}

BOOST_AUTO_TEST_CASE(other_weights_make_another_file) {
  ScratchFolder const folder;
  PrefixCacheOptions const options{.folder = folder.path()};
  train(options, 10, 1);
  auto const other = train(options, 20, 2);
  BOOST_TEST(other.hit_rate.value() == 40.0 / 60.0);
  check_same(other, train(std::nullopt, 20, 2));
  auto const files = std::distance(std::filesystem::directory_iterator(folder.path()), {});
  BOOST_TEST(files == 1);
}

BOOST_AUTO_TEST_CASE(a_damaged_record_is_computed_again) {
  auto const without = train(std::nullopt);
  for (std::uint64_t const from_end : {1u, 100u, 2000u, 2300u}) {
    ScratchFolder const folder;
    PrefixCacheOptions const options{.folder = folder.path()};
    train(options);
    auto const path = std::filesystem::directory_iterator(folder.path())->path();
    {
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(-static_cast<std::streamoff>(from_end), std::ios::end);
      char const byte = static_cast<char>(file.get() ^ 0x10);
      file.seekp(-static_cast<std::streamoff>(from_end), std::ios::end);
      file.put(byte);
    }
    auto const again = train(options);
    check_same(without, again);
    BOOST_TEST(again.hit_rate.value() < 1.0);
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - from_end);
    check_same(without, train(options));
  }
}

BOOST_AUTO_TEST_CASE(a_foreign_file_is_refused) {
  ScratchFolder const folder;
  PrefixCacheOptions const options{.folder = folder.path()};
  train(options, 1);
  auto const path = std::filesystem::directory_iterator(folder.path())->path();
  std::ofstream(path) << "something else";
  BOOST_CHECK_EXCEPTION(train(options, 1), FileError, [&](FileError const& error) {
    return std::string(error.what()).find(path.string()) != std::string::npos;
  });
}

BOOST_AUTO_TEST_CASE(a_disk_that_fails_ends_the_cache_and_not_the_training) {
  auto const without = train(std::nullopt);
  // Calls on the file: reads and writes of records, from the first steps to the last.
  for (int const call : {12, 20, 40, 60}) {
    ScratchFolder const folder;
    auto model = grown_model();
    Batches batches(random_tokens(20 * window + 1, vocabulary),
                    {.batch = batch, .time = window, .seed = 5});
    Run run;
    std::vector<std::string> warnings;
    Trainer trainer{model,
                    AdamW{.learning_rate = 1e-2},
                    {.steps = 20,
                     .prefix_cache = PrefixCacheOptions{.folder = folder.path()},
                     .on_step = [&](StepReport const& report) {
                       run.losses.push_back(report.loss);
                       if (!report.warning.empty()) warnings.push_back(report.warning);
                     }}};
    {
      FailingFileCalls const failing(call, FileFault::io_error);
      trainer.fit(batches);
      BOOST_TEST(FailingFileCalls::calls() > call);
    }
    run.parameters = parameters_of(model);
    check_same(without, run);
    BOOST_TEST_REQUIRE(warnings.size() == 1U);
    for (char const* const part : {"the prefix cache is off", ".rows", "Input/output error"})
      BOOST_TEST(warnings[0].find(part) != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(weights_from_a_checkpoint_have_rows_of_their_own) {
  ScratchFolder const folder;
  auto second = grown_model(2);
  auto const with = [&](CpuModel& model, bool cached, std::filesystem::path const& in) {
    TrainerOptions options{.steps = 40};
    if (cached) options.prefix_cache = PrefixCacheOptions{.folder = in};
    return Trainer<CpuModel>{model, AdamW{}, options};
  };
  auto const batches = [] {
    return Batches(random_tokens(20 * window + 1, vocabulary),
                   {.batch = batch, .time = window, .seed = 5});
  };
  {
    auto other_batches = batches();
    auto trainer = with(second, false, "");
    for (int i = 0; i < 3; ++i) trainer.step(other_batches);
    CheckpointWriter{second}.with(trainer).with(other_batches).save(folder / "second");
  }
  for (bool const in_file : {false, true}) {
    auto first = grown_model(1), alone = grown_model(3);
    auto live_batches = batches(), own_batches = batches();
    auto live = with(first, true, in_file ? folder.path() / "cache" : "");
    for (int i = 0; i < 10; ++i) live.step(live_batches);  // all rows of the first model are kept
    auto own = with(alone, false, "");
    CheckpointReader const file(folder / "second");
    file.restore(first);
    file.restore(live);
    file.restore(live_batches);
    file.restore(alone);
    file.restore(own);
    file.restore(own_batches);
    for (int i = 0; i < 8; ++i)
      BOOST_TEST(live.step(live_batches).loss == own.step(own_batches).loss);
    BOOST_TEST((parameters_of(first) == parameters_of(alone)));
  }
}

BOOST_AUTO_TEST_CASE(a_head_alone_trains_from_the_cache) {
  for (bool const cached : {false, true}) {
    static std::vector<float> expected;
    auto model = grown_model();
    model.body().freeze();
    Batches batches(random_tokens(20 * window + 1, vocabulary), {.batch = batch, .time = window});
    TrainerOptions options{.steps = 15};
    if (cached) options.prefix_cache.emplace();
    Trainer{model, AdamW{}, options}.fit(batches);
    if (!cached) expected = parameters_of(model);
    BOOST_TEST((parameters_of(model) == expected));
  }
}

BOOST_AUTO_TEST_CASE(without_frozen_blocks_below_there_is_nothing_to_keep) {
  CpuModel model{
      Cpu(1),
      random_substrate(vocabulary, 16),
      {.planned_depth = 1, .block = {.model_dim = width, .head_count = 4, .hidden_dim = 64}}};
  model.body().grow(1);
  auto batches = random_batches(vocabulary, batch, window);
  Trainer trainer{model, AdamW{}, {.steps = 1, .prefix_cache = PrefixCacheOptions{}}};
  BOOST_CHECK_THROW(trainer.fit(batches), ValueError);

  auto adapted = grown_model();
  adapted.body().add_adapters({.rank = 2, .targets = {"attention.query"}});
  Trainer other{adapted, AdamW{}, {.steps = 1, .prefix_cache = PrefixCacheOptions{}}};
  BOOST_CHECK_THROW(other.fit(batches), ValueError);
}

BOOST_AUTO_TEST_SUITE_END()
