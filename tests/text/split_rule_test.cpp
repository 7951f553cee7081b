#include <accrete/text/split_rule.hpp>

#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>
#include <vector>

using namespace accrete;

BOOST_AUTO_TEST_SUITE(split_rule)

namespace {

using Pieces = std::vector<std::string>;

Pieces split(SplitRule rule, std::string_view text) {
  Pieces pieces;
  for (std::size_t offset = 0; offset < text.size();) {
    std::size_t const end = piece_end(rule, text, offset);
    BOOST_TEST_REQUIRE(end > offset);
    pieces.emplace_back(text.substr(offset, end - offset));
    offset = end;
  }
  return pieces;
}

}  // namespace

BOOST_AUTO_TEST_CASE(classes_follow_unicode) {
  BOOST_TEST((unicode_class(U'z') == UnicodeClass::letter));
  BOOST_TEST((unicode_class(U'\u042F') == UnicodeClass::letter));
  BOOST_TEST((unicode_class(U'\u4E00') == UnicodeClass::letter));
  BOOST_TEST((unicode_class(U'\u0663') == UnicodeClass::number));
  BOOST_TEST((unicode_class(U'\u2167') == UnicodeClass::number));
  BOOST_TEST((unicode_class(U'\u3000') == UnicodeClass::white_space));
  BOOST_TEST((unicode_class(U'\u0301') == UnicodeClass::other));
  BOOST_TEST((unicode_class(U'\u200B') == UnicodeClass::other));
  BOOST_TEST((unicode_class(U'\U0010FFFF') == UnicodeClass::other));
  int letters = 0;
  for (char32_t c = 0; c <= 0x10FFFF; ++c)
    letters += unicode_class(c) == UnicodeClass::letter ? 1 : 0;
  BOOST_TEST(letters == 141028);  // of Unicode 16
}

BOOST_AUTO_TEST_CASE(gpt2_keeps_one_space_before_a_word) {
  BOOST_TEST((split(SplitRule::gpt2, "we've  12 a1!? \n\n") ==
              Pieces{"we", "'ve", " ", " 12", " a", "1", "!?", " \n\n"}));
  BOOST_TEST((split(SplitRule::gpt2, "'S 'sx") == Pieces{"'", "S", " '", "sx"}));
  BOOST_TEST((split(SplitRule::gpt2, "\n\nx ") == Pieces{"\n", "\n", "x", " "}));
}

BOOST_AUTO_TEST_CASE(llama3_takes_three_digits_and_any_sign_before_a_word) {
  BOOST_TEST((split(SplitRule::llama3, "12345 (x)") == Pieces{"123", "45", " (", "x", ")"}));
  BOOST_TEST((split(SplitRule::llama3, "we'LL (ж !!\r\n\n a") ==
              Pieces{"we", "'LL", " (", "ж", " !!\r\n\n", " a"}));
  BOOST_TEST(
      (split(SplitRule::llama3, "a \n \n  b\tc") == Pieces{"a", " \n \n", " ", " b", "\tc"}));
  BOOST_TEST((split(SplitRule::llama3, "'\u017Fx") == Pieces{"'\u017F", "x"}));
  BOOST_TEST((split(SplitRule::qwen2, "12a") == Pieces{"1", "2", "a"}));
}

BOOST_AUTO_TEST_CASE(patterns_are_known_by_their_text) {
  for (SplitRule const rule : {SplitRule::gpt2, SplitRule::llama3, SplitRule::qwen2})
    BOOST_TEST((split_rule_of(pattern_of(rule)) == rule));
  BOOST_TEST(!split_rule_of("x").has_value());
  BOOST_TEST((split(SplitRule::none, "a b") == Pieces{"a b"}));
}

BOOST_AUTO_TEST_SUITE_END()
