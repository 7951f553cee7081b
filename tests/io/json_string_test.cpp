#include <accrete/io/json_string.hpp>

#include <cstddef>
#include <string>
#include <string_view>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(json_string)

namespace {

using accrete::detail::append_json_string;
using accrete::detail::excerpt;
using accrete::detail::scan_json_string;

std::string in_quotes(std::string_view value) {
  std::string text;
  append_json_string(text, value);
  return text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(escapes_are_undone) {
  auto const value_of = [](std::string_view text) {
    auto scan = scan_json_string(text);
    BOOST_TEST(scan.error == "");
    BOOST_TEST(scan.length == text.size());
    return scan.value;
  };
  BOOST_TEST(value_of(R"(")") == "");
  BOOST_TEST(value_of(R"(plain")") == "plain");
  BOOST_TEST(value_of(R"(\"\\\/\b\f\n\r\t")") == "\"\\/\b\f\n\r\t");
  BOOST_TEST(value_of(R"(a\u0041b\u00e9\u00E9c")") == "aAbééc");
  BOOST_TEST(value_of(R"(\u6f22\uD83D\uDE00")") == "漢😀");
  BOOST_TEST(value_of(R"(\u0000")") == std::string(1, '\0'));
  BOOST_TEST(value_of("raw é漢😀\x7f\"") == "raw é漢😀\x7f");
}

BOOST_AUTO_TEST_CASE(a_string_ends_at_its_quote) {
  auto const scan = scan_json_string(R"(ab" , "cd")");
  BOOST_TEST(scan.value == "ab");
  BOOST_TEST(scan.length == 3U);
}

struct BadString {
  std::string_view text;
  std::size_t at;
  std::string_view error;
};

constexpr BadString bad_strings[] = {
    {"", 0, "ends with"},
    {"abc", 3, "ends with"},
    {"ab\\", 2, "an escape is one of"},
    {"\\x41\"", 0, "an escape is one of"},
    {"\\'\"", 0, "an escape is one of"},
    {"\\U0041\"", 0, "an escape is one of"},
    {"\\u\"", 0, "an escape is one of"},
    {"a\\u12\"", 1, "an escape is one of"},
    {"\\u12g4\"", 0, "an escape is one of"},
    {"\\u+123\"", 0, "an escape is one of"},
    {"\\u-123\"", 0, "an escape is one of"},
    {"\\u 123\"", 0, "an escape is one of"},
    {"\\ud800\"", 0, "a surrogate stands in a pair"},
    {"x\\udc00\"", 1, "a surrogate stands in a pair"},
    {"\\ud800\\ud800\"", 0, "a surrogate stands in a pair"},
    {"\\ud800x\"", 0, "a surrogate stands in a pair"},
    {"\\ud800\\n\"", 0, "a surrogate stands in a pair"},
    {"\\ud800\\udc0\"", 0, "a surrogate stands in a pair"},
    {"\\udc00\\ud800\"", 0, "a surrogate stands in a pair"},
    {"a\nb\"", 1, "a control character"},
    {"\x01\"", 0, "a control character"},
    {"\x1f\"", 0, "a control character"},
    {"é\x80\"", 2, "valid UTF-8"},
    {"\xC0\xAF\"", 0, "valid UTF-8"},
    {"\xED\xA0\x80\"", 0, "valid UTF-8"},
    {"\xF4\x90\x80\x80\"", 0, "valid UTF-8"},
    {"\xE6\xBC\"", 0, "valid UTF-8"},
    {"\xFF\"", 0, "valid UTF-8"},
};

BOOST_AUTO_TEST_CASE(a_bad_string_is_named_with_its_place) {
  for (BadString const& bad : bad_strings) {
    auto const scan = scan_json_string(bad.text);
    BOOST_TEST(scan.length == bad.at, bad.text);
    BOOST_TEST(scan.error.find(bad.error) != scan.error.npos, bad.text << " -> " << scan.error);
  }
  BOOST_TEST(scan_json_string(std::string_view("a\0b\"", 4)).length == 1U);
}

BOOST_AUTO_TEST_CASE(strings_are_written_with_the_fewest_escapes) {
  BOOST_TEST(in_quotes("") == R"("")");
  BOOST_TEST(in_quotes("a/b é漢😀\x7f") == "\"a/b é漢😀\x7f\"");
  BOOST_TEST(in_quotes("\"\\\b\f\n\r\t") == R"("\"\\\b\f\n\r\t")");
  BOOST_TEST(in_quotes(std::string_view("\0\x01\x1f", 3)) == R"("\u0000\u0001\u001f")");
}

BOOST_AUTO_TEST_CASE(what_is_written_reads_back) {
  std::string all;
  for (int c = 0; c < 128; ++c) all += static_cast<char>(c);
  all += "é漢😀";
  std::string const text = in_quotes(all);
  BOOST_TEST(scan_json_string(text.substr(1)).value == all);
}

BOOST_AUTO_TEST_CASE(an_excerpt_is_short_and_harmless) {
  BOOST_TEST(excerpt("weight") == "\"weight\"");
  BOOST_TEST(excerpt("\x1b[31m") == R"("\u001b[31m")");
  BOOST_TEST(excerpt(std::string(100, 'a')) == '"' + std::string(64, 'a') + "\"...");
  BOOST_TEST(excerpt(std::string(63, 'a') + "é") == '"' + std::string(63, 'a') + "\"...");
  BOOST_TEST(excerpt("a\xff") == "\"a\"...");
}

BOOST_AUTO_TEST_SUITE_END()
