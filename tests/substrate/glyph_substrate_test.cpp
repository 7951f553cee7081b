#include <accrete/substrate/glyph_substrate.hpp>

#include <set>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <accrete/substrate/glyph/clean_recipe.hpp>
#include <support/error_text.hpp>

#include "hand_made_font.hpp"

BOOST_AUTO_TEST_SUITE(glyph_substrate)

namespace {

using accrete::BitMatrix;
using accrete::CleanRecipe;
using accrete::GlyphSubstrateOptions;
using accrete::Index;
using accrete::Substrate;
using accrete::Token;
using accrete::TokenKind;
using accrete::Vocabulary;

/// Special tokens, bytes, letters and pairs of letters: 3 + 256 + 9 + 81 tokens.
Vocabulary small_vocabulary() {
  std::vector<Token> tokens{
      {"<pad>", TokenKind::special}, {"<s>", TokenKind::special}, {"</s>", TokenKind::special}};
  for (int byte = 0; byte < 256; ++byte) {
    tokens.push_back({std::string(1, static_cast<char>(byte)), TokenKind::byte});
  }
  std::vector<std::string> const letters{"a", "b", "c", "d", "p", "s", ".", " ", "一"};
  for (std::string const& letter : letters) tokens.push_back({letter});
  for (std::string const& first : letters) {
    for (std::string const& second : letters) tokens.push_back({first + second});
  }
  return Vocabulary(tokens, {});
}

Substrate build(GlyphSubstrateOptions const& options, Index width = 64) {
  return build_glyph_substrate(small_vocabulary(), accrete_test::hand_made_font(),
                               CleanRecipe{.cell_size = 16}, width, options);
}

/// A recipe of a user's own: a token is a bar as long as its text, read from right to left.
struct BarRecipe {
  [[nodiscard]] Index size() const { return 4; }
  template <accrete::GlyphRasterizer Rasterizer>
  [[nodiscard]] accrete::Bitmap picture(Rasterizer&, accrete::DrawnToken const& token) const {
    accrete::Bitmap bar(4, 4);
    bar.fill(0, 0, std::min<Index>(static_cast<Index>(token.text.size()), 4), 1);
    return bar;
  }
  [[nodiscard]] std::vector<Index> pixel_order() const { return {3, 2, 1, 0}; }
  [[nodiscard]] accrete::Json describe() const { return accrete::Json::object({{"name", "bar"}}); }
};

}  // namespace

BOOST_AUTO_TEST_CASE(rows_have_length_one_and_only_equal_pictures_equal_rows) {
  Substrate const substrate = build({.threads = 1});
  BOOST_TEST(substrate.vocabulary_size() == 349);
  std::set<std::vector<float>> rows;
  for (accrete::TokenId id = 0; id < 349; ++id) {
    auto const row = substrate.row(id);
    double squares = 0;
    for (float const value : row)
      squares += static_cast<double>(value) * static_cast<double>(value);
    BOOST_TEST(std::abs(squares - 1.0) < 1e-6);
    rows.insert({row.begin(), row.end()});
  }
  BOOST_TEST(rows.size() == 349U);
  BOOST_TEST(substrate.provenance().at("groups_of_equal_pictures").as_int() == 0);
}

// The same constant in every build of the tests: compilers, flags and sanitizers do not matter.
BOOST_AUTO_TEST_CASE(the_fingerprint_depends_on_neither_threads_nor_compiler_nor_vector_unit) {
  std::string const alone = build({.threads = 1}).fingerprint();
  BOOST_TEST(alone == "b91641b52d4a5bdfe0b6adbf544006f89361967733e64a514170a3a71a9502dc");
  BOOST_TEST(build({.threads = 2}).fingerprint() == alone);
  BOOST_TEST(build({.threads = 3}).fingerprint() == alone);
}

BOOST_AUTO_TEST_CASE(bits_follow_the_pixel_order_of_the_recipe) {
  std::vector<Token> const tokens{{"a"}, {"bb"}, {"ccc"}};
  BitMatrix const bits =
      draw_tokens(Vocabulary(tokens, {}), accrete_test::hand_made_font(), BarRecipe{});
  BOOST_TEST(bits.columns() == 4);
  for (Index row = 0; row < 3; ++row) {
    for (Index bit = 0; bit < 4; ++bit) BOOST_TEST(bits.at(row, bit) == (bit >= 3 - row));
  }
}

BOOST_AUTO_TEST_CASE(the_basis_is_kept_for_tokens_to_come) {
  Substrate const substrate = build({}, 16);
  BOOST_REQUIRE(substrate.basis().has_value());
  BOOST_TEST(substrate.basis()->bit_count == 256);
  BitMatrix const bits =
      draw_tokens(small_vocabulary(), accrete_test::hand_made_font(), CleanRecipe{.cell_size = 16});
  accrete::ThreadPool pool(1);
  auto const again = project_normalized(*substrate.basis(), bits, pool);
  BOOST_CHECK(std::ranges::equal(again, substrate.table()));
}

BOOST_AUTO_TEST_CASE(equal_pictures_are_counted_and_refused_on_demand) {
  std::vector<Token> const tokens{{"a"}, {"\xCE\xBF"}, {"b"}, {"\xD0\xBE"}};
  Vocabulary const vocabulary(tokens, {});
  auto const font = accrete_test::hand_made_font();
  Substrate const substrate =
      build_glyph_substrate(vocabulary, font, CleanRecipe{.cell_size = 16}, 3);
  BOOST_TEST(substrate.provenance().at("groups_of_equal_pictures").as_int() == 1);
  BOOST_CHECK_EXCEPTION(
      (void)build_glyph_substrate(vocabulary, font, CleanRecipe{.cell_size = 16}, 3,
                                  {.refuse_equal_pictures = true}),
      accrete::ValueError,
      accrete_test::says("1 groups", "tokens 1 (\"\xCE\xBF\") and 3 (\"\xD0\xBE\")"));
}

BOOST_AUTO_TEST_CASE(equal_rows_of_the_table_are_those_of_the_pictures) {
  std::vector<Token> const tokens{{"a"}, {"\xCE\xBF"}, {"b"}, {"\xD0\xBE"}, {"c"}};
  Substrate const substrate = build_glyph_substrate(
      Vocabulary(tokens, {}), accrete_test::hand_made_font(), CleanRecipe{.cell_size = 16}, 5);
  std::vector<std::vector<Index>> const expected{{1, 3}};
  BOOST_CHECK(equal_rows(substrate) == expected);
}

BOOST_AUTO_TEST_CASE(raw_bits_are_a_table_of_their_own) {
  std::vector<Token> const tokens{{"a"}, {"bb"}, {"ccc"}};
  Substrate const substrate = build_glyph_bits_substrate(
      Vocabulary(tokens, {}), accrete_test::hand_made_font(), BarRecipe{});
  std::vector<float> const expected{0, 0, 0, 1,  //
                                    0, 0, 1, 1,  //
                                    0, 1, 1, 1};
  BOOST_TEST(std::vector<float>(substrate.table().begin(), substrate.table().end()) == expected);
  BOOST_TEST(substrate.width() == 4);
  BOOST_TEST(substrate.provenance().at("kind").as_string() == "glyph_bits");
}

BOOST_AUTO_TEST_CASE(the_solver_is_named_in_the_provenance) {
  GlyphSubstrateOptions options;
  BOOST_TEST(build(options).provenance().at("eigen_solver").as_string() == "portable");
  options.solver.name = "another";
  BOOST_TEST(build(options).provenance().at("eigen_solver").as_string() == "another");
}

BOOST_AUTO_TEST_CASE(progress_ends_each_stage_with_all_done) {
  std::vector<std::string> seen;
  build({.progress = [&](std::string_view stage, Index done, Index total) {
    seen.push_back(accrete::message(stage, " ", done, "/", total));
  }});
  std::vector<std::string> const expected{"drawing 349/349", "covariance 256/256",
                                          "components 64/64", "table 349/349"};
  BOOST_TEST(seen == expected);
}

BOOST_AUTO_TEST_CASE(errors_name_the_token) {
  std::vector<Token> const tokens{{"a"}, {"xyz"}};
  CleanRecipe const strict{.cell_size = 16, .missing = accrete::MissingGlyph::refuse};
  BOOST_CHECK_EXCEPTION((void)build_glyph_substrate(Vocabulary(tokens, {}),
                                                    accrete_test::hand_made_font(), strict, 2),
                        accrete::ValueError,
                        accrete_test::says("token 1: hand-made.hex", "no glyph for U+0078"));
  BOOST_CHECK_EXCEPTION(build({}, 257), accrete::ShapeError, accrete_test::says("1 to 256", "257"));
}

BOOST_AUTO_TEST_SUITE_END()
