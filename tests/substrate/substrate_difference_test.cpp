#include <accrete/substrate/substrate_difference.hpp>

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(substrate_difference)

namespace {

using accrete::Json;
using accrete::Substrate;
using accrete::Token;
using accrete::Vocabulary;

Substrate make(std::vector<Token> const& tokens, std::vector<float> table,
               Json provenance = Json::object()) {
  auto const width = static_cast<accrete::Index>(table.size() / tokens.size());
  return Substrate::from_table(Vocabulary(tokens, {}), std::move(table), width,
                               std::move(provenance));
}

Json with_bits(std::string const& hash, std::string const& font) {
  return Json::object({{"font", font}, {"bits", Json::object({{"sha256", hash}})}});
}

void check_says(std::string const& sentence, std::string const& part) {
  BOOST_TEST(sentence.find(part) != std::string::npos, sentence << " does not say " << part);
}

}  // namespace

BOOST_AUTO_TEST_CASE(equal_substrates_are_called_equal) {
  auto const a = make({{"a"}, {"b"}}, {1, 2});
  BOOST_TEST(difference(a, make({{"a"}, {"b"}}, {1, 2}, with_bits("1", "x"))) ==
             "the substrates are equal");
}

BOOST_AUTO_TEST_CASE(other_vocabularies_are_told_apart) {
  auto const a = make({{"a"}, {"b"}}, {1, 2});
  check_says(difference(a, make({{"a"}, {"b"}, {"c"}}, {1, 2, 3})), "2 and 3 tokens");
  check_says(difference(a, make({{"a"}, {"c"}}, {1, 2})), "first in token 1 (\"b\" and \"c\")");
  auto const merged = [](std::vector<accrete::TokenPair> const& merges) {
    std::vector<Token> const tokens{{"a"}, {"b"}, {"ab"}};
    return Substrate::from_table(Vocabulary(tokens, merges), {1, 2, 3}, 1);
  };
  check_says(difference(merged({}), merged({{0, 1}})), "differ in their merges");
}

BOOST_AUTO_TEST_CASE(other_tables_are_told_apart) {
  auto const a = make({{"a"}, {"b"}, {"c"}}, {1, 2, 3});
  check_says(difference(a, make({{"a"}, {"b"}, {"c"}}, {1, 5, 6})),
             "differ in 2 of 3 rows, first in row 1");
  check_says(difference(a, make({{"a"}, {"b"}, {"c"}}, {1, 2, 3, 4, 5, 6})), "width 1 and 2");
}

BOOST_AUTO_TEST_CASE(equal_pictures_bring_the_advice_to_share_a_file) {
  auto const a = make({{"a"}}, {1}, with_bits("77", "one.otf"));
  std::string const same_bits = difference(a, make({{"a"}}, {2}, with_bits("77", "two.otf")));
  check_says(same_bits, "one substrate file");
  check_says(same_bits, "one.otf");
  check_says(same_bits, "two.otf");
  std::string const other_bits = difference(a, make({{"a"}}, {2}, with_bits("78", "two.otf")));
  BOOST_TEST(other_bits.find("one substrate file") == std::string::npos);
  check_says(other_bits, "the pictures of the glyphs differ");
}

BOOST_AUTO_TEST_CASE(signs_of_zeros_are_a_difference_too) {
  check_says(difference(make({{"a"}}, {0.0F}), make({{"a"}}, {-0.0F})), "sign of zeros");
}

BOOST_AUTO_TEST_CASE(identities_tell_the_same_parts_apart_without_the_content) {
  auto const compare = [](Substrate const& a, Substrate const& b) {
    return difference(a.identity(), b.identity());
  };
  auto const a = make({{"a"}, {"b"}}, {1, 2}, with_bits("77", "one.otf"));
  BOOST_TEST(compare(a, make({{"a"}, {"b"}}, {1, 2})) == "the substrates are equal");
  check_says(compare(a, make({{"a"}}, {1})), "the vocabularies have 2 and 1 tokens");
  check_says(compare(a, make({{"a"}, {"c"}}, {1, 2})), "differ in tokens or merges");
  check_says(compare(a, make({{"a"}, {"b"}}, {1, 2, 3, 4})), "width 1 and 2");
  std::string const table = compare(a, make({{"a"}, {"b"}}, {1, 3}, with_bits("77", "two.otf")));
  check_says(table, "the tables differ; the pictures of the glyphs are the same, so let both load");
  check_says(table, "one.otf");
  check_says(table, "two.otf");
}

BOOST_AUTO_TEST_CASE(identity_is_given_back_by_its_json) {
  accrete::SubstrateParts parts{.vocabulary = Vocabulary(std::vector<Token>{{"a"}, {"b"}}, {}),
                                .width = 1,
                                .table = {1, 2},
                                .provenance = with_bits("77", "one.otf"),
                                .ancestors = {{"01", 1}}};
  auto const identity = Substrate(parts).identity();
  auto const again = accrete::substrate_identity_from_json(to_json(identity));
  BOOST_TEST(again.fingerprint == identity.fingerprint);
  BOOST_TEST(again.vocabulary == identity.vocabulary);
  BOOST_TEST(again.vocabulary_size == 2);
  BOOST_TEST(again.width == 1);
  BOOST_CHECK(again.provenance == identity.provenance);
  BOOST_CHECK(again.ancestors == identity.ancestors);
  BOOST_CHECK_THROW((void)accrete::substrate_identity_from_json(Json("x")), accrete::ValueError);
}

BOOST_AUTO_TEST_SUITE_END()
