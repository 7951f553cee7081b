#include <boost/test/unit_test.hpp>
#include <vector>

#include <accrete/substrate/pca.hpp>

#include "substrate/random_bits.hpp"
#include "support/all_close.hpp"
#include "support/models.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(leading_components_of_a_substrate)

BOOST_AUTO_TEST_CASE(they_are_the_table_of_fewer_components) {
  auto const bits = random_bits(23, 40);
  ThreadPool pool(1);
  auto const table_of = [&](Index width) {
    return project_normalized(fit_pca(bits, width, pool), bits, pool);
  };
  auto const substrate =
      Substrate::from_table(random_substrate(23, 1).vocabulary(), table_of(20), 20);
  BOOST_TEST(all_close(leading_components(substrate, 4), table_of(4), 0.0, 1e-6));
}

BOOST_AUTO_TEST_CASE(rows_of_zeros_stay_zeros) {
  auto const vocabulary = random_substrate(4, 1).vocabulary();
  auto const substrate =
      Substrate::from_table(vocabulary, {3, 4, 9, 0, 0, 0, 0, 0, 1, -2, 0, 0}, 3);
  std::vector<float> const expected{0.6F, 0.8F, 0, 0, 0, 0, -1, 0};
  BOOST_TEST(all_close(leading_components(substrate, 2), expected, 0.0, 1e-7));
}

BOOST_AUTO_TEST_CASE(more_components_than_there_are_are_refused) {
  BOOST_CHECK_EXCEPTION((void)leading_components(random_substrate(23, 4), 5), ShapeError,
                        says("1 to 4, that of the substrate, got 5"));
  BOOST_CHECK_EXCEPTION(
      (LeadingComponentsEmbedding<5>::Layer<Cpu>(Cpu(1), random_substrate(23, 5), 12)), ShapeError,
      says("LeadingComponentsEmbedding: model_dim 12 is no multiple of the embedding width 5"));
}

BOOST_AUTO_TEST_CASE(it_has_no_parameters_and_says_what_it_is) {
  LeadingComponentsEmbedding<3>::Layer<Cpu> const layer(Cpu(1), random_substrate(23, 4), 12);
  BOOST_TEST(parameter_count(layer) == 0);
  BOOST_TEST(layer.describe().dump() == R"({"type":"leading_components","width":3})");
  static_assert(EmbeddingPolicy<LeadingComponentsEmbedding<3>, Cpu> &&
                LeadingComponentsEmbedding<3>::dockable);
}

BOOST_AUTO_TEST_SUITE_END()
