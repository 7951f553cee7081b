#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <accrete/report/plot/scale.hpp>

BOOST_AUTO_TEST_SUITE(plot_scale)

using accrete::plot::Range;
using accrete::plot::Scale;
using accrete::plot::Tick;

std::vector<std::string> labels(Scale const& scale, accrete::Index count) {
  std::vector<std::string> out;
  for (Tick const& tick : scale.ticks(count)) out.push_back(tick.label);
  return out;
}

void check_labels(Scale const& scale, accrete::Index count,
                  std::vector<std::string> const& expected) {
  std::vector<std::string> const found = labels(scale, count);
  BOOST_CHECK_EQUAL_COLLECTIONS(found.begin(), found.end(), expected.begin(), expected.end());
}

BOOST_AUTO_TEST_CASE(ends_fall_on_the_first_and_last_pixel) {
  Scale const y({2, 4}, 300, 100);
  BOOST_TEST(y(2) == 300);
  BOOST_TEST(y(4) == 100);
  BOOST_TEST(y(3) == 200);
}

BOOST_AUTO_TEST_CASE(ticks_are_round_numbers) {
  check_labels(Scale({0, 1200}, 0, 1), 6, {"0", "200", "400", "600", "800", "1000", "1200"});
  check_labels(Scale({2.87, 8.3}, 0, 1), 6, {"3", "4", "5", "6", "7", "8"});
  check_labels(Scale({0, 0.11}, 0, 1), 5, {"0", "0.02", "0.04", "0.06", "0.08", "0.10"});
  check_labels(Scale({0, 52000}, 0, 1), 3,
               {"0",
                "20\xE2\x80\xAF"
                "000",
                "40\xE2\x80\xAF"
                "000"});
  check_labels(Scale({0, 3.2e6}, 0, 1), 3,
               {"0", "1\xE2\x80\xAFM", "2\xE2\x80\xAFM", "3\xE2\x80\xAFM"});
  check_labels(Scale({-1, 1}, 0, 1), 4,
               {"\xE2\x88\x92"
                "1.0",
                "\xE2\x88\x92"
                "0.5",
                "0", "0.5", "1.0"});
}

BOOST_AUTO_TEST_CASE(logarithmic_ticks_follow_the_decades) {
  check_labels(Scale({1, 1000}, 0, 1, true), 4, {"1", "10", "100", "1000"});
  check_labels(Scale({1, 100}, 0, 1, true), 8, {"1", "2", "5", "10", "20", "50", "100"});
  check_labels(Scale({0.01, 1}, 0, 1, true), 3, {"0.01", "0.1", "1"});
  check_labels(Scale({2, 4}, 0, 1, true), 4, {"2.0", "2.5", "3.0", "3.5", "4.0"});
  Scale const decades({1, 100}, 0, 200, true);
  BOOST_TEST(decades(10) == 100, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(ranges_without_length_get_room) {
  BOOST_TEST(Scale(Range{}, 0, 1).ticks(4).size() > 2U);
  BOOST_TEST(Scale({5, 5}, 0, 100)(5) == 50);
  BOOST_TEST(Scale({0, 0}, 0, 100)(0) == 50);
}

BOOST_AUTO_TEST_CASE(a_logarithm_of_nothing_falls_back_to_even_steps) {
  BOOST_TEST(!Scale({0, 10}, 0, 1, true).logarithmic());
  BOOST_TEST(!Scale({-5, 10}, 0, 1, true).logarithmic());
}

BOOST_AUTO_TEST_CASE(extreme_ranges_end) {
  double const huge = std::numeric_limits<double>::max();
  double const tiny = std::numeric_limits<double>::denorm_min();
  for (bool const logarithmic : {false, true}) {
    for (Range const range : {Range{-huge, huge}, Range{1e16, 1e16 + 2}, Range{0, tiny},
                              Range{tiny, huge}, Range{1, std::nextafter(1.0, 2.0)}}) {
      Scale scale(range, 0, 100, logarithmic);
      scale.round_outwards(5);
      BOOST_TEST(scale.ticks(5).size() < 100U);
    }
  }
}

BOOST_AUTO_TEST_CASE(values_that_are_not_finite_do_not_widen_a_range) {
  Range range;
  range.include(std::vector<double>{1, std::numeric_limits<double>::infinity(), 3, std::nan("")});
  BOOST_TEST(range.low == 1);
  BOOST_TEST(range.high == 3);
}

BOOST_AUTO_TEST_CASE(rounding_outwards_ends_on_ticks) {
  Scale scale({2.93, 8.31}, 0, 100);
  scale.round_outwards(5);
  BOOST_TEST(scale.range().low == 2);
  BOOST_TEST(scale.range().high == 9);
}

BOOST_AUTO_TEST_SUITE_END()
