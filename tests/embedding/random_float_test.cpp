#include <boost/test/unit_test.hpp>
#include <cmath>
#include <span>

#include "support/all_close.hpp"
#include "support/models.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(random_float)

BOOST_AUTO_TEST_CASE(rows_have_length_one_and_lie_about_square_to_each_other) {
  constexpr std::size_t rows = 64, width = 256;
  auto const table = random_directions(rows, width, 42);
  for (std::size_t a = 0; a < rows; ++a) {
    for (std::size_t b = 0; b <= a; ++b) {
      double dot = 0;
      for (std::size_t c = 0; c < width; ++c)
        dot += double{table[a * width + c]} * double{table[b * width + c]};
      BOOST_TEST(std::abs(dot - (a == b ? 1.0 : 0.0)) < (a == b ? 1e-6 : 0.32));  // five deviations
    }
  }
}

BOOST_AUTO_TEST_CASE(a_larger_table_begins_with_the_smaller_and_seeds_differ) {
  auto const some = random_directions(5, 7, 1);
  auto const more = random_directions(9, 7, 1);
  BOOST_TEST(same_bits(some, std::span(more).first(some.size())));
  BOOST_CHECK(some != random_directions(5, 7, 2));
}

// The same numbers in every build of the tests.
BOOST_AUTO_TEST_CASE(numbers_depend_on_no_mathematical_library) {
  std::vector<float> const expected{0.49141115F,  0.130141824F, 0.861149371F,  //
                                    0.312286556F, -0.79473877F, 0.520449221F};
  BOOST_TEST(same_bits(random_directions(2, 3, 42), expected));
}

BOOST_AUTO_TEST_CASE(a_single_number_is_refused) {
  BOOST_CHECK_EXCEPTION((void)random_directions(3, 1, 42), ShapeError,
                        says("a width from 2 to 2^24, got 1"));
  BOOST_CHECK_EXCEPTION(
      (RandomFloatEmbedding<5>::Layer<Cpu>(Cpu(1), random_substrate(23, 1), 12)), ShapeError,
      says("RandomFloatEmbedding: model_dim 12 is no multiple of the embedding width 5"));
}

BOOST_AUTO_TEST_CASE(it_has_no_parameters_and_says_what_it_is) {
  RandomFloatEmbedding<6, 7>::Layer<Cpu> const layer(Cpu(1), random_substrate(23, 1), 12);
  BOOST_TEST(parameter_count(layer) == 0);
  BOOST_TEST(layer.describe().dump() == R"({"type":"random_float","width":6,"seed":7})");
  static_assert(EmbeddingPolicy<RandomFloatEmbedding<6>, Cpu> && RandomFloatEmbedding<6>::dockable);
}

BOOST_AUTO_TEST_SUITE_END()
