#include <accrete/text/rank_tree.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <random>
#include <vector>

using accrete::detail::RankTree;

BOOST_AUTO_TEST_SUITE(rank_tree)

BOOST_AUTO_TEST_CASE(finds_the_leftmost_of_the_lowest_ranks_through_all_changes) {
  std::mt19937 random(1);
  auto const random_rank = [&] { return random() % 4 == 0 ? RankTree::no_rank : random() % 20; };
  RankTree tree;
  for (std::size_t const size : {1U, 2U, 7U, 8U, 9U, 63U, 64U, 65U, 511U, 513U, 5000U, 3U}) {
    std::vector<std::uint32_t> ranks;
    tree.clear();
    for (std::size_t place = 0; place < size; ++place) {
      tree.push_back(RankTree::no_rank);
      ranks.push_back(static_cast<std::uint32_t>(random_rank()));
      tree.set_last(ranks.back());
    }
    tree.prepare();
    for (int change = 0; change < 300; ++change) {
      auto const lowest = std::min_element(ranks.begin(), ranks.end());
      auto const [rank, place] = tree.lowest();
      BOOST_TEST_REQUIRE(rank == *lowest);
      if (rank != RankTree::no_rank)
        BOOST_TEST_REQUIRE(place == static_cast<std::size_t>(lowest - ranks.begin()));
      std::size_t const changed = random() % 2 == 0 ? place % size : random() % size;
      ranks[changed] = static_cast<std::uint32_t>(random_rank());
      tree.set(changed, ranks[changed]);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
