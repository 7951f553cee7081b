#include <accrete/substrate/extension.hpp>

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <accrete/text/bpe_tokenizer.hpp>
#include <support/error_text.hpp>
#include <support/scratch_folder.hpp>

BOOST_AUTO_TEST_SUITE(extension)

namespace {

using accrete::Json;
using accrete::Merge;
using accrete::Substrate;
using accrete::Token;
using accrete::TokenId;
using accrete::TokenKind;
using accrete::TokenPair;
using accrete::Vocabulary;
using accrete_test::says;

Vocabulary small() {
  std::vector<Token> const tokens{{"<unk>", TokenKind::special}, {"a"}, {"b"}, {"c"}, {"ab"}};
  return Vocabulary(tokens, std::vector<TokenPair>{{1, 2}});
}

Substrate parent() {
  return Substrate({.vocabulary = small(),
                    .width = 2,
                    .table = {0, 0, 1, 2, 3, 4, 5, 6, 7, 8},
                    .provenance = Json::object({{"kind", "by hand"}}),
                    .basis = accrete::PcaBasis{.bit_count = 2,
                                               .width = 2,
                                               .mean = {0.5, 0.25},
                                               .components = {1, 0, 0, 1},
                                               .variances = {2, 1}},
                    .ancestors = {{"0123", 3}}});
}

}  // namespace

BOOST_AUTO_TEST_CASE(older_tokens_and_merges_stay_and_new_merges_are_all_splits_behind_them) {
  Vocabulary const larger = extend_vocabulary(
      small(), std::vector<Token>{{"abd"}, {"d"}, {"<new>", TokenKind::special}, {"bd"}});
  BOOST_TEST(larger.size() == 9);
  for (TokenId id = 0; id < 5; ++id) BOOST_TEST(larger.token(id) == small().token(id));
  // ab; a + bd and ab + d make abd; b + d makes bd
  std::vector<Merge> const expected{{1, 2, 4}, {1, 8, 5}, {4, 6, 5}, {2, 6, 8}};
  BOOST_CHECK(std::ranges::equal(larger.merges(), expected));
}

BOOST_AUTO_TEST_CASE(text_without_new_tokens_is_encoded_as_before) {
  Vocabulary const larger = extend_vocabulary(small(), std::vector<Token>{{"d"}, {"cd"}, {"Ω"}});
  accrete::BpeTokenizer const before(small()), after(larger);
  for (std::string const text : {"abcabac", "c", "bbbaab"})
    BOOST_TEST(before.encode(text) == after.encode(text), boost::test_tools::per_element());
  BOOST_TEST(after.encode("abcdΩ") == (std::vector<TokenId>{4, 6, 7}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(tokens_that_are_there_or_no_tokens_are_refused) {
  BOOST_CHECK_EXCEPTION((void)extend_vocabulary(small(), std::vector<Token>{{"d"}, {"ab"}}),
                        accrete::ValueError, says("tokens[6]", "the same spelling as tokens[4]"));
  BOOST_CHECK_EXCEPTION((void)extend_vocabulary(small(), std::vector<Token>{{"d\xFF"}}),
                        accrete::ValueError, says("tokens[5]"));
  BOOST_CHECK_EXCEPTION((void)extend_vocabulary(small(), std::vector<Token>{{""}}),
                        accrete::ValueError, says("empty"));
  BOOST_CHECK_EXCEPTION((void)extend_vocabulary(small(), {}), accrete::ValueError,
                        says("at least one token"));
}

BOOST_AUTO_TEST_CASE(rows_basis_and_line_of_ancestors_are_kept) {
  Substrate const old = parent();
  std::vector<Token> const tokens{{"d"}, {"e"}};
  std::vector<float> const rows{9, 10, 11, 12};
  Substrate const larger =
      extend_substrate(old, tokens, rows, Json::object({{"font", "other.otf"}}));
  BOOST_TEST(larger.vocabulary_size() == 7);
  BOOST_TEST(std::memcmp(larger.table().data(), old.table().data(), old.table().size_bytes()) == 0);
  BOOST_TEST(larger.row(6)[1] == 12.0F);
  BOOST_TEST(larger.basis()->components == old.basis()->components);
  BOOST_CHECK((larger.ancestors() ==
               std::vector<accrete::SubstrateAncestor>{{"0123", 3}, {old.fingerprint(), 5}}));
  BOOST_TEST(old.is_ancestor_of(larger));
  BOOST_TEST(old.docks_with(larger));
  BOOST_TEST(larger.docks_with(old));
  Json const& record = larger.provenance().at("extensions").at(0);
  BOOST_TEST(record.at("of").as_string() == old.fingerprint());
  BOOST_TEST(record.at("tokens").as_int() == 2);
  BOOST_TEST(record.at("font").as_string() == "other.otf");
  BOOST_TEST(larger.provenance().at("kind").as_string() == "by hand");

  accrete_test::ScratchFolder const folder;
  larger.save(folder / "s");
  BOOST_TEST(old.is_ancestor_of(Substrate::load(folder / "s")));
}

BOOST_AUTO_TEST_CASE(grandchildren_descend_from_all_and_siblings_from_neither) {
  Substrate const old = parent();
  auto const with = [](Substrate const& substrate, char const* token) {
    return extend_substrate(substrate, std::vector<Token>{{token}}, std::vector<float>{1, 1});
  };
  Substrate const child = with(old, "d"), grandchild = with(child, "e"), sibling = with(old, "e");
  BOOST_TEST(old.is_ancestor_of(grandchild));
  BOOST_TEST(child.is_ancestor_of(grandchild));
  BOOST_TEST(!child.docks_with(sibling));
  BOOST_TEST(!grandchild.docks_with(sibling));
  BOOST_TEST(grandchild.provenance().at("extensions").size() == 2U);
}

BOOST_AUTO_TEST_CASE(rows_that_do_not_fit_are_refused) {
  std::vector<Token> const tokens{{"d"}};
  BOOST_CHECK_EXCEPTION((void)extend_substrate(parent(), tokens, std::vector<float>{1}),
                        accrete::ShapeError, says("1 rows of width 2, got 1 numbers"));
  BOOST_CHECK_EXCEPTION(
      (void)extend_substrate(parent(), tokens,
                             std::vector<float>{1, std::numeric_limits<float>::infinity()}),
      accrete::ValueError, says("table[5,1]"));
}

BOOST_AUTO_TEST_SUITE_END()
