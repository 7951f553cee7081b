#include <boost/test/unit_test.hpp>

#include "support/all_close.hpp"
#include "support/models.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(frozen_glyph)

namespace {

/// Rows of the tokens 3, 0, 22, 3 in 12 channels.
template <class Backend>
std::vector<double> look_up(FrozenGlyphEmbedding::Layer<Backend> const& layer) {
  std::vector<TokenId> const ids{3, 0, 22, 3};
  std::vector<TypeOf<Backend, Element>> out(4 * 12);
  layer.forward(Backend{}, batch_view<Backend>(ids, 2), {out.data(), {2, 2, 12}});
  return {out.begin(), out.end()};
}

}  // namespace

BOOST_AUTO_TEST_CASE(rows_are_those_of_the_substrate_each_number_repeated) {
  for (Index const width : {12, 4, 1}) {
    auto const substrate = random_substrate(23, width);
    std::vector<double> expected;
    for (TokenId const id : {3, 0, 22, 3})
      for (std::size_t c = 0; c < 12; ++c)
        expected.push_back(substrate.row(id)[c * static_cast<std::size_t>(width) / 12]);
    BOOST_TEST(same_bits(look_up<Double>({Double{}, substrate, 12}), expected));
    BOOST_TEST(same_bits(look_up<Cpu>({Cpu{}, substrate, 12}), expected));
  }
}

BOOST_AUTO_TEST_CASE(table_lives_as_long_as_the_layer) {
  auto const make = [] {
    return FrozenGlyphEmbedding::Layer<Cpu>(Cpu(1), random_substrate(23, 4), 12);
  };
  auto const layer = make();
  auto const substrate = random_substrate(23, 4);
  BOOST_TEST(look_up<Cpu>(layer)[0] == static_cast<double>(substrate.row(3)[0]));
}

BOOST_AUTO_TEST_CASE(width_that_does_not_divide_is_refused) {
  BOOST_CHECK_EXCEPTION(
      (FrozenGlyphEmbedding::Layer<Cpu>(Cpu(1), random_substrate(23, 5), 12)), ShapeError,
      says("FrozenGlyphEmbedding: model_dim 12 is no multiple of the embedding width 5"));
  BOOST_CHECK_THROW((FrozenGlyphEmbedding::Layer<Cpu>(Cpu(1), random_substrate(23, 24), 12)),
                    ShapeError);
}

BOOST_AUTO_TEST_CASE(it_has_no_parameters_and_says_what_it_is) {
  FrozenGlyphEmbedding::Layer<Cpu> const layer(Cpu(1), random_substrate(23, 4), 12);
  BOOST_TEST(parameter_count(layer) == 0);
  BOOST_TEST(layer.describe().dump() == R"({"type":"frozen_glyph","width":4})");
  static_assert(EmbeddingPolicy<FrozenGlyphEmbedding, Cpu> && FrozenGlyphEmbedding::dockable);
}

BOOST_AUTO_TEST_SUITE_END()
