#include <accrete/substrate/co_occurrence.hpp>

#include <cstdint>
#include <vector>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "random_bits.hpp"

BOOST_AUTO_TEST_SUITE(co_occurrence)

namespace {

std::vector<std::int32_t> counted_one_by_one(accrete::BitMatrix const& bits) {
  std::vector<std::int32_t> counts;
  for (accrete::Index i = 0; i < bits.columns(); ++i) {
    for (accrete::Index j = 0; j < bits.columns(); ++j) {
      std::int32_t count = 0;
      for (accrete::Index r = 0; r < bits.rows(); ++r) count += bits.at(r, i) && bits.at(r, j);
      counts.push_back(count);
    }
  }
  return counts;
}

}  // namespace

// Around whole words, whole adders of eight words and whole pieces of 128 words.
BOOST_DATA_TEST_CASE(counts_equal_those_made_one_by_one,
                     boost::unit_test::data::make({1, 63, 64, 65, 511, 512, 513, 8191, 8257}),
                     rows) {
  accrete::ThreadPool pool(2);
  accrete::BitMatrix const bits = accrete_test::random_bits(rows, 37);
  BOOST_TEST(accrete::co_occurrence(bits, pool).counts == counted_one_by_one(bits));
}

BOOST_DATA_TEST_CASE(any_number_of_columns_will_do,
                     boost::unit_test::data::make({1, 15, 16, 17, 63, 64, 65, 130}), columns) {
  accrete::ThreadPool pool(3);
  accrete::BitMatrix const bits = accrete_test::random_bits(100, columns);
  BOOST_TEST(accrete::co_occurrence(bits, pool).counts == counted_one_by_one(bits));
}

BOOST_AUTO_TEST_SUITE_END()
