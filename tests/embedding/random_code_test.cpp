#include <boost/test/unit_test.hpp>
#include <set>

#include "support/all_close.hpp"
#include "support/models.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(random_code)

namespace {

std::set<std::vector<float>> distinct_rows(std::vector<float> const& table, Index width) {
  std::set<std::vector<float>> rows;
  for (auto row = table.begin(); row != table.end(); row += width) rows.insert({row, row + width});
  return rows;
}

}  // namespace

BOOST_AUTO_TEST_CASE(codes_are_all_different_down_to_the_smallest_width) {
  for (Index const width : {9, 10, 16, 61, 62, 63, 64, 100}) {
    auto const codes = random_codes(512, width, 42);
    BOOST_TEST(distinct_rows(codes, width).size() == 512U);
    BOOST_TEST(std::all_of(codes.begin(), codes.end(),
                           [](float bit) { return bit == 0.0F || bit == 1.0F; }));
  }
  BOOST_TEST(distinct_rows(random_codes(2, 1, 42), 1).size() == 2U);
}

BOOST_AUTO_TEST_CASE(every_column_is_a_fair_coin) {
  constexpr Index rows = 4096, width = 200;
  auto const codes = random_codes(rows, width, 42);
  for (Index c = 0; c < width; ++c) {
    Index ones = 0;
    for (Index r = 0; r < rows; ++r) ones += codes[static_cast<std::size_t>(r * width + c)] != 0.0F;
    BOOST_TEST(std::abs(ones - rows / 2) < 5 * 32);  // five deviations
  }
}

BOOST_AUTO_TEST_CASE(a_larger_table_begins_with_the_smaller_and_seeds_differ) {
  auto const some = random_codes(40, 70, 1);
  auto const more = random_codes(90, 70, 1);
  BOOST_TEST(std::equal(some.begin(), some.end(), more.begin()));
  BOOST_CHECK(some != random_codes(40, 70, 2));
}

BOOST_AUTO_TEST_CASE(a_width_too_small_for_unique_codes_is_refused) {
  BOOST_CHECK_EXCEPTION((void)random_codes(65537, 16, 42), ShapeError,
                        says("65537 rows cannot all differ in 16 bits"));
  BOOST_CHECK_THROW((void)random_codes(1, 0, 42), ShapeError);
  BOOST_CHECK_THROW((RandomCodeEmbedding<4>::Layer<Cpu>(Cpu(1), random_substrate(23, 1), 12)),
                    ShapeError);
  BOOST_CHECK_EXCEPTION(
      (RandomCodeEmbedding<5>::Layer<Cpu>(Cpu(1), random_substrate(23, 1), 12)), ShapeError,
      says("RandomCodeEmbedding: model_dim 12 is no multiple of the embedding width 5"));
}

BOOST_AUTO_TEST_CASE(rows_are_expanded_by_repetition) {
  RandomCodeEmbedding<6>::Layer<Cpu> const layer(Cpu(1), random_substrate(23, 1), 12);
  std::vector<TokenId> const ids{3, 22};
  std::vector<float> out(24, -1);
  layer.forward(Cpu(1), batch_view<Cpu>(ids, 1), {out.data(), {1, 2, 12}});
  auto const codes = random_codes(23, 6, 42);
  for (std::size_t n = 0; n < 2; ++n)
    for (std::size_t c = 0; c < 12; ++c)
      BOOST_TEST(out[12 * n + c] == codes[6 * static_cast<std::size_t>(ids[n]) + c / 2]);
}

BOOST_AUTO_TEST_CASE(it_has_no_parameters_and_says_what_it_is) {
  RandomCodeEmbedding<6, 7>::Layer<Cpu> const layer(Cpu(1), random_substrate(23, 1), 12);
  BOOST_TEST(parameter_count(layer) == 0);
  BOOST_TEST(layer.describe().dump() == R"({"type":"random_code","width":6,"seed":7})");
  static_assert(EmbeddingPolicy<RandomCodeEmbedding<6>, Cpu> && RandomCodeEmbedding<6>::dockable);
}

BOOST_AUTO_TEST_SUITE_END()
