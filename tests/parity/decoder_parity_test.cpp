// Decoders against the reference files in tests/golden: the same checks as `./run parity FILE`.
#include <boost/test/unit_test.hpp>

#include "decoder_parity.hpp"

BOOST_AUTO_TEST_SUITE(decoder_parity)

namespace {
std::string golden(std::string const& name) {
  return ACCRETE_SOURCE_DIR "/tests/golden/" + name;
}
}  // namespace

BOOST_AUTO_TEST_CASE(tiny_decoder_equals_pytorch) {
  BOOST_TEST(parity::decoder_parity<accrete::dynamic_block>(
      parity::Reference(golden("decoder_tiny.safetensors")), "dynamic"));
}

BOOST_AUTO_TEST_CASE(small_decoder_equals_pytorch) {
  BOOST_TEST(parity::decoder_parity<accrete::dynamic_block>(
      parity::Reference(golden("decoder_small.safetensors")), "dynamic"));
}

BOOST_AUTO_TEST_SUITE_END()
