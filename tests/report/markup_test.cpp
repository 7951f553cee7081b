#include <boost/test/unit_test.hpp>
#include <limits>
#include <string>

#include <accrete/report/duration.hpp>
#include <accrete/report/markup.hpp>

BOOST_AUTO_TEST_SUITE(markup)

using accrete::escape_markup;
using accrete::grouped_digits;
using accrete::short_number;

BOOST_AUTO_TEST_CASE(characters_of_markup_are_escaped) {
  BOOST_TEST(escape_markup("<a href=\"x\">R&D's</a>") ==
             "&lt;a href=&quot;x&quot;&gt;R&amp;D&#39;s&lt;/a&gt;");
  BOOST_TEST(escape_markup("вопрос 文件 😀") == "вопрос 文件 😀");
}

BOOST_AUTO_TEST_CASE(what_xml_forbids_becomes_the_replacement_character) {
  BOOST_TEST(escape_markup(std::string("a\0b\x1F", 4)) ==
             "a\xEF\xBF\xBD"
             "b\xEF\xBF\xBD");
  BOOST_TEST(escape_markup("\xFFx") == "\xEF\xBF\xBDx");
  BOOST_TEST(escape_markup("\xD0") == "\xEF\xBF\xBD");
  BOOST_TEST(escape_markup("\xEF\xBF\xBE") == "\xEF\xBF\xBD");
  BOOST_TEST(escape_markup("\t\r\n") == "\t\r\n");
}

BOOST_AUTO_TEST_CASE(numbers_are_short) {
  BOOST_TEST(short_number(12.50) == "12.5");
  BOOST_TEST(short_number(-0.001) == "0");
  BOOST_TEST(short_number(100) == "100");
  BOOST_TEST(short_number(2.346, 1) == "2.3");
  BOOST_TEST(short_number(1234.5, 0) == "1234");
  BOOST_TEST(short_number(std::numeric_limits<double>::infinity()) == "0");
  BOOST_TEST(short_number(std::numeric_limits<double>::max()).size() == 309U);
}

BOOST_AUTO_TEST_CASE(digits_are_grouped_from_five_on) {
  BOOST_TEST(grouped_digits("1234") == "1234");
  BOOST_TEST(grouped_digits("12345.25") ==
             "12\xE2\x80\xAF"
             "345.25");
  BOOST_TEST(grouped_digits("-1234567 B") ==
             "-1\xE2\x80\xAF"
             "234\xE2\x80\xAF"
             "567 B");
  BOOST_TEST(grouped_digits("none") == "none");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(duration)

using accrete::duration_text;
using accrete::rate_text;

BOOST_AUTO_TEST_CASE(two_units_at_most) {
  BOOST_TEST(duration_text(0.4) == "0 s");
  BOOST_TEST(duration_text(59.4) == "59 s");
  BOOST_TEST(duration_text(59.6) == "1 min 00 s");
  BOOST_TEST(duration_text(185) == "3 min 05 s");
  BOOST_TEST(duration_text(2 * 3600 + 7 * 60 + 2) == "2 h 07 min");
  BOOST_TEST(duration_text(3599.9) == "1 h 00 min");
  BOOST_TEST(duration_text(4 * 86400 + 11 * 3600) == "4 d 11 h");
  BOOST_TEST(duration_text(1e12) == "years");
  BOOST_TEST(duration_text(-1) == "?");
}

BOOST_AUTO_TEST_CASE(rates_have_three_digits) {
  BOOST_TEST(rate_text(0) == "0");
  BOOST_TEST(rate_text(9.876) == "9.88");
  BOOST_TEST(rate_text(950) == "950");
  BOOST_TEST(rate_text(999.7) == "1 k");
  BOOST_TEST(rate_text(12345) == "12.3 k");
  BOOST_TEST(rate_text(2.5e6) == "2.5 M");
}

BOOST_AUTO_TEST_SUITE_END()
