#include <accrete/data/document_encoder.hpp>

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "support/error_text.hpp"

using namespace accrete;
using accrete_test::says;

BOOST_AUTO_TEST_SUITE(document_encoder)

namespace {

using Ids = std::vector<TokenId>;

BpeTokenizer make_tokenizer(std::vector<Token> const& tokens) {
  return BpeTokenizer(Vocabulary(tokens, {}));
}

std::vector<Token> const tokens = {{"<s>", TokenKind::special},
                                   {"</s>", TokenKind::special},
                                   {"<unk>", TokenKind::special},
                                   {"a"},
                                   {"b"}};

}  // namespace

BOOST_AUTO_TEST_CASE(marks_stand_around_each_document) {
  DocumentEncoder encoder(make_tokenizer(tokens));
  Ids ids;
  encoder.append("ab", ids);
  encoder.append("b", ids);
  BOOST_TEST((ids == Ids{0, 3, 4, 1, 0, 4, 1}));
  BOOST_TEST(encoder.documents() == 2);

  Ids unmarked;
  DocumentEncoder(make_tokenizer(tokens), {.begin = false, .end = false}).append("ab", unmarked);
  BOOST_TEST((unmarked == Ids{3, 4}));
}

BOOST_AUTO_TEST_CASE(empty_documents_are_left_out_and_counted) {
  DocumentEncoder encoder(make_tokenizer(tokens));
  Ids ids;
  encoder.append("", ids);
  encoder.append("a", ids);
  BOOST_TEST((ids == Ids{0, 3, 1}));
  BOOST_TEST(encoder.documents() == 1);
  BOOST_TEST(encoder.empty_documents() == 1);
}

BOOST_AUTO_TEST_CASE(marks_in_a_document_are_text) {
  Ids ids;
  DocumentEncoder(make_tokenizer(tokens)).append("a</s>", ids);
  BOOST_TEST((ids == Ids{0, 3, 2, 2, 2, 2, 1}));
}

BOOST_AUTO_TEST_CASE(a_bad_document_leaves_no_trace) {
  DocumentEncoder encoder(make_tokenizer(tokens));
  Ids ids = {7};
  BOOST_CHECK_EXCEPTION(encoder.append("ab\xFF", ids, "page.html"), FileError,
                        says("page.html", "offset 2"));
  BOOST_TEST((ids == Ids{7}));
  BOOST_TEST(encoder.documents() == 0);
}

BOOST_AUTO_TEST_CASE(missing_marks_are_found_at_once) {
  BpeTokenizer const tokenizer = make_tokenizer({{"a"}});
  BOOST_CHECK_EXCEPTION(DocumentEncoder{tokenizer}, ValueError, says("<s>"));
  DocumentEncoder(tokenizer, {.begin = false, .end = false});
}

BOOST_AUTO_TEST_SUITE_END()
