#include <accrete/substrate/substrate_difference.hpp>

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

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

BOOST_AUTO_TEST_SUITE(substrate_difference)

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
}

BOOST_AUTO_TEST_SUITE_END()
