#include <accrete/text/vocabulary_json.hpp>

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "support/error_text.hpp"
#include "support/mutants.hpp"

using namespace accrete;
using accrete_test::says;

BOOST_AUTO_TEST_SUITE(vocabulary_json)

namespace {

Vocabulary sample() {
  std::vector<Token> tokens = {
      {"<pad>", TokenKind::special},      {"a"}, {"\n\"\\ж"}, {"b"}, {"ab"},
      {"<unused_5>", TokenKind::reserved}};
  for (int byte = 0; byte < 256; ++byte)
    tokens.push_back({std::string(1, static_cast<char>(byte)), TokenKind::byte});
  return Vocabulary(tokens, std::vector<TokenPair>{{1, 3}});
}

Vocabulary read(std::string const& tokens, std::string const& merges) {
  return vocabulary_from_json(
      Json::parse(R"({"format": "accrete-vocabulary", "version": 1, "tokens": )" + tokens +
                      R"(, "merges": )" + merges + "}",
                  "vocabulary.json"));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_vocabulary_survives_writing_and_reading) {
  std::string const text = to_json(sample()).dump();
  BOOST_TEST((vocabulary_from_json(Json::parse(text, "vocabulary.json")) == sample()));
}

BOOST_AUTO_TEST_CASE(the_form_is_as_documented) {
  std::vector<Token> const tokens = {
      {"<s>", TokenKind::special}, {"a"}, {"b"}, {"ab"}, {"<unused_4>", TokenKind::reserved}};
  BOOST_TEST(to_json(Vocabulary(tokens, std::vector<TokenPair>{{1, 2}})).dump() ==
             Json::parse(R"({"format": "accrete-vocabulary", "version": 1,
                             "tokens": [{"special": "<s>"}, "a", "b", "ab", {"reserved": "<unused_4>"}],
                             "merges": [1, 2]})",
                         "text")
                 .dump());
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_named_with_its_place) {
  BOOST_CHECK_EXCEPTION(read("[1]", "[]"), ValueError, says("tokens[0]", "expected a string or"));
  BOOST_CHECK_EXCEPTION(read(R"(["a", {}])", "[]"), ValueError, says("tokens[1]"));
  BOOST_CHECK_EXCEPTION(read(R"(["a", {"byte": 256}])", "[]"), ValueError,
                        says("tokens[1]", "got 256"));
  BOOST_CHECK_EXCEPTION(read(R"(["a", {"byte": "b"}])", "[]"), ValueError,
                        says("tokens[1]", "integer"));
  BOOST_CHECK_EXCEPTION(read(R"([{"mark": "<s>"}])", "[]"), ValueError,
                        says("tokens[0]", "got mark"));
  BOOST_CHECK_EXCEPTION(read(R"([{"special": 7}])", "[]"), ValueError,
                        says("tokens[0]", "a string"));
  BOOST_CHECK_EXCEPTION(read(R"(["a", "a"])", "[]"), ValueError, says("tokens[1]", "tokens[0]"));
  BOOST_CHECK_EXCEPTION(read(R"(["a", ""])", "[]"), ValueError, says("tokens[1]", "empty"));
  BOOST_CHECK_EXCEPTION(read(R"(["a"])", "[0]"), ValueError, says("pairs", "1 ids"));
  BOOST_CHECK_EXCEPTION(read(R"(["a"])", "[0, 1]"), ValueError,
                        says("merges[0]", "below 1, got 1"));
  BOOST_CHECK_EXCEPTION(read(R"(["a", "aa"])", "[0, 0, -1, 0]"), ValueError,
                        says("merges[1]", "-1"));
  BOOST_CHECK_EXCEPTION(read(R"(["a"])", "[0, 4294967296]"), ValueError,
                        says("merges[0]", "4294967296"));
  BOOST_CHECK_EXCEPTION(read(R"(["a"])", "[0, 0.5]"), ValueError, says("merges[0]", "integer"));
  BOOST_CHECK_EXCEPTION(read(R"(["a", "b"])", "[0, 1]"), ValueError,
                        says("merges[0]", "no text token"));
  BOOST_CHECK_EXCEPTION(read("{}", "[]"), ValueError, says("array"));
}

BOOST_AUTO_TEST_CASE(another_format_version_or_key_is_refused) {
  Json json = to_json(sample());
  json["version"] = 2;
  BOOST_CHECK_EXCEPTION((void)vocabulary_from_json(json), ValueError, says("version 1, got 2"));
  json["version"] = 1;
  json["extra"] = 1;
  BOOST_CHECK_EXCEPTION((void)vocabulary_from_json(json), ValueError, says("extra"));
  json["format"] = "tokenizer";
  BOOST_CHECK_EXCEPTION((void)vocabulary_from_json(json), ValueError, says("tokenizer"));
  BOOST_CHECK_EXCEPTION((void)vocabulary_from_json(Json::object()), ValueError, says("format"));
  BOOST_CHECK_EXCEPTION((void)vocabulary_from_json(Json(1)), ValueError, says("an object"));
}

BOOST_AUTO_TEST_CASE(damaged_files_give_errors_or_vocabularies) {
  std::string const text = to_json(sample()).dump();
  accrete_test::Mutants mutants(1);
  int refused = 0;
  for (int i = 0; i < accrete_test::mutant_count(); ++i) {
    try {
      Vocabulary const vocabulary =
          vocabulary_from_json(Json::parse(mutants.mutate(text), "mutant"));
      BOOST_TEST(vocabulary.size() > 0);
    } catch (Error const&) {
      ++refused;
    }
  }
  BOOST_TEST(refused > 250);
}

BOOST_AUTO_TEST_SUITE_END()
