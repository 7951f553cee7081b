#include <accrete/data/batches.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <accrete/data/token_shard.hpp>
#include <accrete/data/token_shard_writer.hpp>
#include <accrete/ops/cross_entropy.hpp>

#include "support/error_text.hpp"
#include "support/scratch_folder.hpp"

using namespace accrete;
using accrete_test::says;

BOOST_AUTO_TEST_SUITE(batches)

namespace {

using Ids = std::vector<TokenId>;

Ids count_from(TokenId first, std::size_t size) {
  Ids ids(size);
  std::iota(ids.begin(), ids.end(), first);
  return ids;
}

std::vector<std::shared_ptr<TokenSource const>> sources(std::vector<Ids> const& lists) {
  std::vector<std::shared_ptr<TokenSource const>> result;
  for (Ids const& ids : lists) result.push_back(std::make_shared<TokenVector>(ids));
  return result;
}

struct Batch {
  Ids inputs, targets;
  bool operator==(Batch const&) const = default;
};

Batch take(Batches& batches) {
  auto const size = static_cast<std::size_t>(batches.batch() * batches.time());
  Batch batch{Ids(size, -7), Ids(size, -7)};
  batches.next(batch.inputs, batch.targets);
  return batch;
}

}  // namespace

BOOST_AUTO_TEST_CASE(targets_are_the_tokens_one_place_later) {
  Batches batches(count_from(10, 7), {.batch = 2, .time = 3, .shuffle = false});
  BOOST_TEST(batches.windows() == 2);
  BOOST_TEST((take(batches) == Batch{{10, 11, 12, 13, 14, 15}, {11, 12, 13, 14, 15, 16}}));
  BOOST_TEST(batches.epoch() == 1);
}

BOOST_AUTO_TEST_CASE(a_short_window_is_padded_and_its_rest_ignored) {
  Batches batches(count_from(10, 5), {.batch = 2, .time = 3, .shuffle = false, .padding = 99});
  BOOST_TEST((take(batches) == Batch{{10, 11, 12, 13, 99, 99}, {11, 12, 13, 14, -1, -1}}));
  BOOST_TEST(take(batches).targets[4] == ignored_target);
}

BOOST_AUTO_TEST_CASE(each_epoch_has_each_target_once_across_sources) {
  std::vector<Ids> const lists = {
      count_from(0, 50), {}, count_from(100, 1), count_from(200, 2), count_from(300, 33)};
  std::set<TokenId> expected;
  for (Ids const& list : lists)
    if (!list.empty()) expected.insert(list.begin() + 1, list.end());
  for (Index const time : {1, 4, 7, 64}) {
    Batches batches(sources(lists), {.batch = 1, .time = time, .seed = 3});
    for (int epoch = 0; epoch < 3; ++epoch) {
      Ids seen;
      for (Index i = 0; i < batches.windows(); ++i) {
        Batch const batch = take(batches);
        for (std::size_t t = 0; t < batch.targets.size(); ++t) {
          if (batch.targets[t] == -1) continue;
          seen.push_back(batch.targets[t]);
          BOOST_TEST(batch.inputs[t] == batch.targets[t] - 1);
        }
      }
      BOOST_TEST(seen.size() == expected.size());
      BOOST_TEST((std::set<TokenId>(seen.begin(), seen.end()) == expected));
      BOOST_TEST(batches.epoch() == epoch + 1);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_order_depends_on_seed_and_epoch_alone) {
  auto const inputs_of = [](Batches batches, int count) {
    Ids inputs;
    for (int i = 0; i < count; ++i) {
      Ids const more = take(batches).inputs;
      inputs.insert(inputs.end(), more.begin(), more.end());
    }
    return inputs;
  };
  Ids const tokens = count_from(0, 641);  // 64 windows of 10
  Ids const first = inputs_of(Batches(tokens, {.batch = 4, .time = 10, .seed = 1}), 32);
  BOOST_TEST((first == inputs_of(Batches(tokens, {.batch = 4, .time = 10, .seed = 1}), 32)));
  BOOST_TEST((first == inputs_of(Batches(tokens, {.batch = 8, .time = 10, .seed = 1}), 16)));
  BOOST_TEST((first != inputs_of(Batches(tokens, {.batch = 4, .time = 10, .seed = 2}), 32)));
  BOOST_TEST((Ids(first.begin(), first.begin() + 640) != Ids(first.begin() + 640, first.end())));
}

BOOST_AUTO_TEST_CASE(a_restored_state_goes_on_with_the_same_batches) {
  std::vector<Ids> const lists = {count_from(0, 100), count_from(500, 77)};
  BatchOptions const options{.batch = 3, .time = 5, .seed = 0xFFFF'FFFF'FFFF'FFFF};
  Batches whole(sources(lists), options);
  for (int cut = 0; cut < 30; ++cut) {
    std::string const text = whole.state().dump();
    Batches resumed(sources(lists), options);
    resumed.restore(Json::parse(text, "state"));
    Batches copy = whole;
    for (int i = 0; i < 3; ++i) BOOST_TEST((take(resumed) == take(copy)));
    BOOST_TEST((resumed.state() == copy.state()));
    static_cast<void>(take(whole));
  }
}

BOOST_AUTO_TEST_CASE(a_state_of_other_data_or_options_is_refused) {
  Batches const original(count_from(0, 100), {.batch = 2, .time = 5, .seed = 1});
  Json const state = original.state();
  Batches other_time(count_from(0, 100), {.batch = 2, .time = 6, .seed = 1});
  BOOST_CHECK_EXCEPTION(other_time.restore(state), MismatchError, says("time 5, not 6"));
  Batches other_seed(count_from(0, 100), {.batch = 2, .time = 5, .seed = 2});
  BOOST_CHECK_EXCEPTION(other_seed.restore(state), MismatchError, says("seed"));
  Batches other_data(count_from(0, 101), {.batch = 2, .time = 5, .seed = 1});
  BOOST_CHECK_EXCEPTION(other_data.restore(state), MismatchError, says("sources [100], not [101]"));
  Batches in_order(count_from(0, 100), {.batch = 2, .time = 5, .seed = 1, .shuffle = false});
  BOOST_CHECK_EXCEPTION(in_order.restore(state), MismatchError, says("shuffle"));

  Batches batches(count_from(0, 100), {.batch = 2, .time = 5, .seed = 1});
  static_cast<void>(take(batches));
  Json bad = state;
  bad["position"] = -1;
  BOOST_CHECK_EXCEPTION(batches.restore(bad), ValueError, says("position", "-1"));
  bad["position"] = "x";
  BOOST_CHECK_EXCEPTION(batches.restore(bad), ValueError, says("integer"));
  BOOST_CHECK_EXCEPTION(batches.restore(Json::object()), ValueError, says("time"));
  BOOST_TEST(batches.position() == 2);
}

BOOST_AUTO_TEST_CASE(shards_and_memory_give_the_same_batches) {
  accrete_test::ScratchFolder const folder;
  std::vector<Ids> const lists = {count_from(0, 1000), count_from(2000, 555)};
  std::vector<std::filesystem::path> paths;
  for (Ids const& ids : lists) {
    paths.push_back(folder / ("shard" + std::to_string(paths.size())));
    TokenShardWriter writer(paths.back(), 3000);
    writer.append(ids);
    writer.commit();
  }
  BatchOptions const options{.batch = 4, .time = 16, .seed = 5};
  Batches from_memory(sources(lists), options);
  Batches from_shards(open_token_shards(paths), options);
  for (int i = 0; i < 60; ++i) BOOST_TEST((take(from_memory) == take(from_shards)));
}

BOOST_AUTO_TEST_CASE(a_failed_read_hands_out_nothing) {
  accrete_test::ScratchFolder const folder;
  std::vector<std::filesystem::path> const paths = {folder / "shard"};
  TokenShardWriter writer(paths[0], 3000);
  writer.append(count_from(0, 1000));
  writer.commit();
  Batches batches(open_token_shards(paths), {.batch = 4, .time = 16, .shuffle = false});
  std::filesystem::resize_file(paths[0], 100);
  BOOST_CHECK_EXCEPTION(take(batches), FileError, says("shard"));
  BOOST_TEST(batches.position() == 0);
}

BOOST_AUTO_TEST_CASE(bad_sizes_are_refused) {
  Ids const tokens = count_from(0, 10);
  BOOST_CHECK_EXCEPTION(Batches(tokens, {.batch = 0, .time = 5}), ValueError, says("got 0 and 5"));
  BOOST_CHECK_EXCEPTION(Batches(tokens, {.batch = 1, .time = -5}), ValueError,
                        says("got 1 and -5"));
  BOOST_CHECK_EXCEPTION(Batches(Ids{1}, {.batch = 1, .time = 5}), ValueError,
                        says("at least two tokens"));
  BOOST_CHECK_EXCEPTION(Batches(sources({}), {.batch = 1, .time = 5}), ValueError,
                        says("at least two tokens"));
  Batches batches(tokens, {.batch = 2, .time = 5});
  Ids right(10), wrong(9);
  BOOST_CHECK_EXCEPTION(batches.next(right, wrong), ShapeError, says("2 x 5", "10 and 9"));
}

BOOST_AUTO_TEST_SUITE_END()
