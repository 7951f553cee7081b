#include <boost/test/unit_test.hpp>

#include "support/all_close.hpp"
#include "support/models.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(learned)

namespace {

/// A table (5,3) with parameters of its own.
struct Bench {
  Bench() {
    segment.add(layer, "embedding");
    segment.allocate();
    segment.bind(layer, "embedding");
    segment.initialize(Random(1), 1);
  }
  LearnedEmbedding::Layer<Double> layer{Double{}, random_substrate(5, 1), 3};
  Segment<Double> segment{Double{}, "embedding"};
};

std::vector<TokenId> const ids{4, 1, 4, 0};

}  // namespace

BOOST_AUTO_TEST_CASE(rows_are_its_parameters) {
  Bench bench;
  std::vector<double> out(12);
  bench.layer.forward(Double{}, batch_view<Double>(ids, 2), {out.data(), {2, 2, 3}});
  for (std::size_t n = 0; n < 4; ++n)
    for (std::size_t c = 0; c < 3; ++c)
      BOOST_TEST(out[3 * n + c] == bench.segment.values()(3 * ids[n] + static_cast<Index>(c)));
}

BOOST_AUTO_TEST_CASE(gradients_of_a_token_add_up) {
  Bench bench;
  std::vector<double> const grad_out{1, 2, 3, 10, 20, 30, 100, 200, 300, 5, 6, 7};
  std::vector<double> gradient(static_cast<std::size_t>(bench.segment.values().count()), 0.0);
  Gradients<Double> gradients;
  gradients.add_run(bench.segment.values(), {gradient.data(), {bench.segment.values().count()}});
  bench.layer.backward(Double{}, gradients, batch_view<Double>(ids, 2),
                       {grad_out.data(), {2, 2, 3}});
  std::vector<double> const expected{5, 6, 7, 10, 20, 30, 0, 0, 0, 0, 0, 0, 101, 202, 303};
  BOOST_TEST(same_bits(std::span(gradient).first(15), expected));

  // Frozen: there is no place for a gradient, and none is written.
  bench.layer.backward(Double{}, Gradients<Double>{}, batch_view<Double>(ids, 2),
                       {grad_out.data(), {2, 2, 3}});
  BOOST_TEST(same_bits(std::span(gradient).first(15), expected));
}

BOOST_AUTO_TEST_CASE(it_has_one_table_that_decays_and_does_not_dock) {
  Bench const bench;
  BOOST_TEST(parameter_count(bench.layer) == 15);
  BOOST_TEST_REQUIRE(bench.segment.entries().size() == 1U);
  BOOST_TEST(bench.segment.entries()[0].name == "embedding.table");
  BOOST_TEST(bench.segment.entries()[0].decays);
  BOOST_TEST(bench.layer.describe().dump() == R"({"type":"learned","width":3})");
  static_assert(EmbeddingPolicy<LearnedEmbedding, Cpu> && !LearnedEmbedding::dockable);
}

BOOST_AUTO_TEST_SUITE_END()
