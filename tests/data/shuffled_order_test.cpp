#include <accrete/data/shuffled_order.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <set>
#include <vector>

using namespace accrete;

BOOST_AUTO_TEST_SUITE(shuffled_order)

namespace {

std::vector<Index> order_of(Index size, std::uint64_t seed, std::uint64_t epoch) {
  ShuffledOrder const order(size, seed, epoch);
  std::vector<Index> result;
  for (Index i = 0; i < size; ++i) result.push_back(order[i]);
  return result;
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_thing_comes_once) {
  for (Index size = 1; size < 300; ++size) {
    std::vector<Index> const order = order_of(size, 7, 0);
    std::set<Index> const things(order.begin(), order.end());
    BOOST_TEST_REQUIRE(things.size() == static_cast<std::size_t>(size));
    BOOST_TEST_REQUIRE(*things.begin() == 0);
    BOOST_TEST_REQUIRE(*things.rbegin() == size - 1);
  }
}

BOOST_AUTO_TEST_CASE(seeds_and_epochs_give_other_orders) {
  std::set<std::vector<Index>> orders;
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    for (std::uint64_t epoch = 0; epoch < 20; ++epoch) orders.insert(order_of(100, seed, epoch));
  BOOST_TEST(orders.size() == 400U);
  BOOST_TEST((order_of(100, 3, 5) == order_of(100, 3, 5)));
}

BOOST_AUTO_TEST_CASE(all_orders_of_few_things_are_about_equally_frequent) {
  std::map<std::vector<Index>, int> counts;
  constexpr int draws = 24'000;
  for (int epoch = 0; epoch < draws; ++epoch)
    ++counts[order_of(4, 1, static_cast<std::uint64_t>(epoch))];
  BOOST_TEST(counts.size() == 24U);
  double const expected = draws / 24.0;
  double chi_squared = 0;
  for (auto const& [order, count] : counts) chi_squared += std::pow(count - expected, 2) / expected;
  BOOST_TEST(chi_squared < 50.0);  // 23 degrees of freedom: 0.1 % of fair shuffles are above 49.7
}

BOOST_AUTO_TEST_CASE(neighbours_are_torn_apart) {
  std::vector<Index> const order = order_of(10'000, 1, 0);
  int close = 0;
  for (std::size_t i = 0; i + 1 < order.size(); ++i)
    if (std::abs(order[i] - order[i + 1]) < 10) ++close;
  BOOST_TEST(close < 60);  // 18 expected
}

BOOST_AUTO_TEST_CASE(large_sizes_cost_no_memory) {
  ShuffledOrder const order((Index{1} << 40) + 12345, 1, 2);
  std::set<Index> things;
  for (Index i = 0; i < 1000; ++i) things.insert(order[i]);
  BOOST_TEST(things.size() == 1000U);
  BOOST_TEST(*things.rbegin() <= (Index{1} << 40) + 12344);
}

BOOST_AUTO_TEST_SUITE_END()
