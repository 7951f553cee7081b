#include <boost/test/unit_test.hpp>

#include "support/all_close.hpp"
#include "support/models.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(binary_id)

BOOST_AUTO_TEST_CASE(width_is_the_smallest_divisor_with_room_for_all_ids) {
  BOOST_TEST(BinaryIdEmbedding::width_for(65536, 1024) == 16);
  BOOST_TEST(BinaryIdEmbedding::width_for(65537, 1024) == 32);
  BOOST_TEST(BinaryIdEmbedding::width_for(8192, 256) == 16);  // 13 bits
  BOOST_TEST(BinaryIdEmbedding::width_for(8, 12) == 3);
  BOOST_TEST(BinaryIdEmbedding::width_for(9, 12) == 4);
  BOOST_TEST(BinaryIdEmbedding::width_for(1, 7) == 1);
  BOOST_TEST(BinaryIdEmbedding::width_for(1000, 10) == 10);
  BOOST_CHECK_EXCEPTION(
      static_cast<void>(BinaryIdEmbedding::width_for(1025, 10)), ShapeError,
      says("BinaryIdEmbedding: model_dim 10 is no multiple of the embedding width 11"));
}

BOOST_AUTO_TEST_CASE(every_id_is_written_in_repeated_bits) {
  Index const vocabulary = 23, channels = 24;  // 5 bits in a width of 6, each four times
  BinaryIdEmbedding::Layer<Cpu> const layer(Cpu(1), random_substrate(vocabulary, 1), channels);
  std::vector<TokenId> ids(static_cast<std::size_t>(vocabulary));
  for (TokenId id = 0; id < vocabulary; ++id) ids[static_cast<std::size_t>(id)] = id;
  std::vector<float> out(static_cast<std::size_t>(vocabulary * channels), -1);
  layer.forward(Cpu(1), batch_view<Cpu>(ids, 1), {out.data(), {1, vocabulary, channels}});
  for (Index id = 0; id < vocabulary; ++id)
    for (Index c = 0; c < channels; ++c)
      BOOST_TEST(out[static_cast<std::size_t>(id * channels + c)] ==
                 static_cast<float>((id >> (c / 4)) & 1));
}

BOOST_AUTO_TEST_CASE(it_has_no_parameters_and_says_what_it_is) {
  BinaryIdEmbedding::Layer<Cpu> const layer(Cpu(1), random_substrate(23, 1), 24);
  BOOST_TEST(parameter_count(layer) == 0);
  BOOST_TEST(layer.describe().dump() == R"({"type":"binary_id","width":6})");
  static_assert(EmbeddingPolicy<BinaryIdEmbedding, Cpu> && BinaryIdEmbedding::dockable);
}

BOOST_AUTO_TEST_SUITE_END()
