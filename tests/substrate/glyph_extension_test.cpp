#include <accrete/substrate/glyph_extension.hpp>

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <accrete/substrate/glyph/clean_recipe.hpp>
#include <accrete/substrate/nearest_tokens.hpp>
#include <support/error_text.hpp>

#include "hand_made_font.hpp"

BOOST_AUTO_TEST_SUITE(glyph_extension)

namespace {

using accrete::CleanRecipe;
using accrete::Json;
using accrete::Substrate;
using accrete::Token;
using accrete::TokenId;
using accrete::Vocabulary;
using accrete_test::hand_made_font;
using accrete_test::says;

CleanRecipe const recipe{.cell_size = 16};

Vocabulary letters() {
  std::vector<Token> const tokens{{"a"}, {"b"}, {"c"}, {"d"}, {"p"}, {"s"}, {"ab"}, {"一"}};
  return Vocabulary(tokens, {});
}

Substrate parent() {
  return build_glyph_substrate(letters(), hand_made_font(), recipe, 6);
}

Substrate extended(std::vector<Token> const& tokens, bool refuse = false) {
  return extend_glyph_substrate(parent(), tokens, hand_made_font(), recipe,
                                {.threads = 2, .refuse_equal_pictures = refuse});
}

}  // namespace

BOOST_AUTO_TEST_CASE(new_tokens_get_the_rows_that_their_pictures_have_on_the_stored_basis) {
  Substrate const larger = extended({{"\xCE\xBF"}, {"ba"}});
  BOOST_TEST(parent().is_ancestor_of(larger));
  auto const bits = draw_tokens(larger.vocabulary(), hand_made_font(), recipe);
  accrete::ThreadPool pool(1);
  BOOST_CHECK(
      std::ranges::equal(project_normalized(*parent().basis(), bits, pool), larger.table()));
  Json const& record = larger.provenance().at("extensions").at(0);
  BOOST_TEST(record.at("rasterizer").at("font").as_string() == "hand-made.hex");
  BOOST_TEST(record.at("bits_sha256").as_string().size() == 64U);
}

BOOST_AUTO_TEST_CASE(order_of_extending_is_told_apart_by_pictures_too) {
  Substrate const one = extended({{"\xCE\xBF"}}), other = extended({{"ba"}});
  std::string const sentence = difference(one, other);
  BOOST_TEST(sentence.find("one substrate file") == std::string::npos);
  BOOST_TEST(sentence.find("both extend the substrate " + parent().fingerprint()) !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(rows_of_bits_are_extended_by_bits) {
  Substrate const bits = build_glyph_bits_substrate(letters(), hand_made_font(), recipe);
  std::vector<Token> const tokens{{"\xCE\xBF"}};
  Substrate const larger = extend_glyph_substrate(bits, tokens, hand_made_font(), recipe);
  auto const drawn = draw_tokens(larger.vocabulary(), hand_made_font(), recipe);
  for (accrete::Index bit = 0; bit < 256; ++bit)
    BOOST_TEST(larger.row(8)[static_cast<std::size_t>(bit)] == (drawn.at(8, bit) ? 1.0F : 0.0F));
}

BOOST_AUTO_TEST_CASE(look_alikes_of_older_tokens_are_refused_on_demand) {
  std::vector<Token> const twice{{"\xCE\xBF"}, {"\xD0\xBE"}};  // omicron and Cyrillic o
  BOOST_CHECK_NO_THROW(extended(twice));
  BOOST_CHECK_EXCEPTION(extended(twice, true), accrete::ValueError,
                        says("token 9 (\"\xD0\xBE\") has the picture of token 8"));
}

BOOST_AUTO_TEST_CASE(other_recipes_and_substrates_without_pictures_are_refused) {
  std::vector<Token> const tokens{{"."}};
  auto const extend = [&](Substrate const& substrate, CleanRecipe const& by) {
    return extend_glyph_substrate(substrate, tokens, hand_made_font(), by);
  };
  BOOST_CHECK_EXCEPTION(extend(parent(), CleanRecipe{.cell_size = 32}), accrete::MismatchError,
                        says("\"size\":16", "not by", "\"size\":32"));
  std::vector<float> const table(8, 1.0F);
  BOOST_CHECK_EXCEPTION(extend(Substrate::from_table(letters(), table, 1), recipe),
                        accrete::MismatchError, says("names no recipe"));
  BOOST_CHECK_EXCEPTION(
      extend(Substrate::from_table(letters(), table, 1, parent().provenance()), recipe),
      accrete::MismatchError, says("keeps no basis"));
}

BOOST_AUTO_TEST_CASE(nearest_tokens_are_those_whose_pictures_share_most) {
  Substrate const larger = extended({{"\xCE\xBF"}, {"\xD0\xBE"}});
  auto const near = nearest_tokens(larger, larger.row(9), 3);
  BOOST_TEST_REQUIRE(near.size() == 3U);
  BOOST_TEST(near[0].id == 8);  // its equal, and then itself
  BOOST_TEST(near[1].id == 9);
  BOOST_TEST(std::abs(near[0].cosine - 1) < 1e-6);
  BOOST_TEST(near[1].cosine >= near[2].cosine);
  BOOST_TEST(nearest_tokens(larger, larger.row(9), 100).size() <= 10U);
  BOOST_CHECK_EXCEPTION((void)nearest_tokens(larger, larger.row(9).first(2), 1),
                        accrete::ShapeError, says("width 6, got 2"));
  std::vector<float> const zeros(6, 0.0F);
  BOOST_CHECK_EXCEPTION((void)nearest_tokens(larger, zeros, 1), accrete::ValueError, says("zeros"));
}

BOOST_AUTO_TEST_SUITE_END()
