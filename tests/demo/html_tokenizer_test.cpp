#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "../../examples/demo/html_entities.hpp"
#include "../../examples/demo/html_tags.hpp"
#include "../../examples/demo/html_tokenizer.hpp"

using demo::decode_html_entity;
using demo::find_html_tag;
using demo::HtmlTag;
using demo::HtmlToken;
using demo::HtmlTokenizer;
using demo::HtmlTokenKind;

namespace {

/// "(p #id .class)", "(/p)", "text", "{raw}"
std::string tokens(std::string_view page) {
  std::string out;
  HtmlTokenizer tokenizer(page);
  for (HtmlToken token; tokenizer.next(token);) {
    switch (token.kind) {
      case HtmlTokenKind::text:
        out += token.text;
        break;
      case HtmlTokenKind::raw_text:
        out += '{' + std::string(token.text) + '}';
        break;
      case HtmlTokenKind::end_tag:
        out += "(/" + std::string(token.name) + ')';
        break;
      case HtmlTokenKind::start_tag:
        out += '(' + std::string(token.name);
        if (!token.id.empty()) out += " #" + std::string(token.id);
        if (!token.class_names.empty()) out += " ." + std::string(token.class_names);
        out += ')';
    }
  }
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(html_tokenizer)

BOOST_AUTO_TEST_CASE(tags_and_text_alternate) {
  BOOST_TEST(tokens("<p>one<br/>two</p >three") == "(p)one(br)two(/p)three");
}

BOOST_AUTO_TEST_CASE(attributes_are_read_in_every_notation) {
  BOOST_TEST(tokens("<div id=\"a b\" class='x y'>") == "(div #a b .x y)");
  BOOST_TEST(tokens("<DIV CLASS=x ID = y>") == "(DIV #y .x)");
  BOOST_TEST(tokens("<a href=x/y checked id=z>") == "(a #z)");
  BOOST_TEST(tokens("<a title=\"1 > 0\" id=z>t") == "(a #z)t");
  BOOST_TEST(tokens("<a id=first id=second>") == "(a #first)");
  BOOST_TEST(tokens("<br/><img id=x/>") == "(br)(img #x/)");
  BOOST_TEST(tokens("<a =x id=y>") == "(a #y)");
}

BOOST_AUTO_TEST_CASE(comments_and_declarations_are_passed_over) {
  BOOST_TEST(tokens("<!DOCTYPE html><?xml version='1.0'?>a<!-- <p> -- > -->b<!x>c</>d") == "abcd");
}

BOOST_AUTO_TEST_CASE(scripts_are_raw_until_their_own_end) {
  BOOST_TEST(tokens("<script>if (a<b) x=\"</p>\"</SCRIPT>t") ==
             "(script){if (a<b) x=\"</p>\"}(/SCRIPT)t");
  BOOST_TEST(tokens("<style></style>") == "(style){}(/style)");
}

BOOST_AUTO_TEST_CASE(a_sign_that_opens_no_tag_is_text) {
  BOOST_TEST(tokens("1 < 2 <3 </ <") == "1 < 2 <3 </ <");
  BOOST_TEST(tokens("a<b") == "a(b)");
}

BOOST_AUTO_TEST_CASE(markup_without_end_takes_the_rest) {
  for (std::string const open :
       {"<!-- ", "<p class=\"", "<p class='", "<p", "<!x", "<?x", "<p class="}) {
    BOOST_TEST(tokens("a" + open + "rest").starts_with("a"));
    BOOST_TEST(tokens("a" + open + "rest").find(" rest") == std::string::npos);
  }
  BOOST_TEST(tokens("<script>rest") == "(script){rest}");
  BOOST_TEST(tokens("").empty());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(html_entities)

void check(std::string_view text, char32_t code_point, std::size_t length) {
  auto const entity = decode_html_entity(text);
  BOOST_REQUIRE_MESSAGE(entity.has_value(), text);
  BOOST_TEST(static_cast<unsigned>(entity->code_point) == static_cast<unsigned>(code_point));
  BOOST_TEST(entity->length == length);
}

BOOST_AUTO_TEST_CASE(common_names_are_known) {
  check("&amp;x", U'&', 5);
  check("&lt;", U'<', 4);
  check("&nbsp;", 0xA0, 6);
  check("&laquo;да&raquo;", 0xAB, 7);
  check("&mdash;", 0x2014, 7);
  check("&hellip;", 0x2026, 8);
  check("&epsilon;", 0x3B5, 9);
}

BOOST_AUTO_TEST_CASE(numbers_are_decimal_or_hexadecimal) {
  check("&#1103;", U'я', 7);
  check("&#x4E2D;", U'中', 8);
  check("&#X1f600;", 0x1F600, 9);
  check("&#65 ", U'A', 4);
}

BOOST_AUTO_TEST_CASE(numbers_that_are_no_characters_are_replaced) {
  check("&#0;", 0xFFFD, 4);
  check("&#xD800;", 0xFFFD, 8);
  check("&#x110000;", 0xFFFD, 10);
  check("&#99999999999999999999999999;", 0xFFFD, 29);
  check("&#150;", 0x2013, 6);  // Windows' dash
}

BOOST_AUTO_TEST_CASE(all_else_is_no_reference) {
  for (std::string_view const text :
       {"&", "&;", "& ", "&amp", "&nosuch;", "&#", "&#;", "&#x;", "&#xg;", "&AMP;"}) {
    BOOST_TEST(!decode_html_entity(text).has_value(), text);
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(html_tags)

BOOST_AUTO_TEST_CASE(names_are_found_in_any_case) {
  BOOST_TEST((find_html_tag("DiV") == HtmlTag::div));
  BOOST_TEST((find_html_tag("h6") == HtmlTag::h6));
  BOOST_TEST((find_html_tag("h7") == HtmlTag::unknown));
  BOOST_TEST((find_html_tag("") == HtmlTag::unknown));
}

BOOST_AUTO_TEST_CASE(every_name_finds_its_own_tag) {
  for (std::size_t i = 1; i < demo::html_tag_count; ++i) {
    BOOST_TEST(static_cast<std::size_t>(find_html_tag(demo::html_tag_names[i])) == i);
  }
}

BOOST_AUTO_TEST_SUITE_END()
