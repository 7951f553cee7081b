#include <accrete/text/streaming_decoder.hpp>

#include <boost/test/unit_test.hpp>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "support/error_text.hpp"

using namespace accrete;
using accrete_test::says;

BOOST_AUTO_TEST_SUITE(streaming_decoder)

namespace {

/// Bytes have the ids of their values; then "ж" (256) and "<s>" (257).
StreamingDecoder make_decoder() {
  std::vector<Token> tokens;
  for (int byte = 0; byte < 256; ++byte)
    tokens.push_back({std::string(1, static_cast<char>(byte)), TokenKind::byte});
  tokens.push_back({"ж"});
  tokens.push_back({"<s>", TokenKind::special});
  return StreamingDecoder(Vocabulary(tokens, {}));
}

std::string decode(std::string_view bytes) {
  StreamingDecoder decoder = make_decoder();
  std::string text;
  for (char const byte : bytes) decoder.push(static_cast<std::uint8_t>(byte), text);
  decoder.finish(text);
  return text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_code_point_appears_with_its_last_byte) {
  StreamingDecoder decoder = make_decoder();
  std::string text;
  for (TokenId const id : {0xF0, 0x9F, 0x98}) {
    decoder.push(id, text);
    BOOST_TEST(text.empty());
  }
  decoder.push(0x80, text);
  BOOST_TEST(text == "😀");
  decoder.push(256, text);
  decoder.push(257, text);
  decoder.finish(text);
  BOOST_TEST(text == "😀ж<s>");
}

BOOST_AUTO_TEST_CASE(bytes_that_form_no_code_point_become_replacement_characters) {
  BOOST_TEST(decode("a\xFF"
                    "b") == "a\uFFFDb");
  BOOST_TEST(decode("\xE2\x82") == "\uFFFD");  // cut off: one start, one mark
  BOOST_TEST(decode("\xE2\x82"
                    "a") == "\uFFFDa");
  BOOST_TEST(decode("\xE2\xE2\x82\xAC") == "\uFFFD€");
  BOOST_TEST(decode("\xED\xA0\x80") == "\uFFFD\uFFFD\uFFFD");
  BOOST_TEST(decode("\xF0\x9F\x98\xC3\xA9") == "\uFFFDé");
}

BOOST_AUTO_TEST_CASE(a_text_token_ends_what_bytes_began) {
  StreamingDecoder decoder = make_decoder();
  std::string text;
  decoder.push(0xE2, text);
  decoder.push(256, text);
  BOOST_TEST(text == "\uFFFDж");
}

BOOST_AUTO_TEST_CASE(whatever_comes_the_text_is_valid_and_whole_after_each_token) {
  std::mt19937 random(1);
  StreamingDecoder decoder = make_decoder();
  std::string text;
  for (int i = 0; i < 20000; ++i) {
    bool const lead = random() % 2 == 0;
    decoder.push(static_cast<TokenId>(lead ? 0xC0 + random() % 66 : random() % 0xC0), text);
    if (i % 100 == 0) BOOST_TEST_REQUIRE(is_valid_utf8(text));
  }
  decoder.finish(text);
  BOOST_TEST(is_valid_utf8(text));
}

BOOST_AUTO_TEST_CASE(an_id_beyond_the_vocabulary_is_refused) {
  StreamingDecoder decoder = make_decoder();
  std::string text;
  BOOST_CHECK_EXCEPTION(decoder.push(258, text), ValueError, says("below 258, got 258"));
}

BOOST_AUTO_TEST_SUITE_END()
