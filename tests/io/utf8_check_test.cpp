#include <accrete/io/utf8_check.hpp>

#include <cstddef>
#include <string>
#include <string_view>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(utf8_check)

namespace {

using accrete::detail::append_utf8;
using accrete::detail::utf8_sequence_length;
using accrete::detail::well_formed_utf8_prefix;
using namespace std::string_view_literals;

}  // namespace

BOOST_AUTO_TEST_CASE(every_code_point_is_well_formed) {
  int wrong = 0;
  std::string text;
  for (char32_t code_point = 0; code_point <= 0x10FFFF; ++code_point) {
    if (code_point == 0xD800) code_point = 0xE000;
    text.clear();
    append_utf8(text, code_point);
    std::size_t const expected = code_point < 0x80      ? 1
                                 : code_point < 0x800   ? 2
                                 : code_point < 0x10000 ? 3
                                                        : 4;
    std::string_view const cut = std::string_view(text).substr(0, expected - 1);
    if (text.size() != expected || utf8_sequence_length(text) != expected ||
        utf8_sequence_length(cut) != 0)
      ++wrong;
  }
  BOOST_TEST(wrong == 0);
}

// All 2^16 pairs of first bytes, followed by two bytes that continue: as many as there are code points.
BOOST_AUTO_TEST_CASE(nothing_else_is_well_formed) {
  std::size_t sequences_of[5] = {};
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      std::string const text{static_cast<char>(first), static_cast<char>(second), '\x80', '\x80'};
      ++sequences_of[utf8_sequence_length(text)];
    }
  }
  BOOST_TEST(sequences_of[1] == 0x80U * 256);
  BOOST_TEST(sequences_of[2] == 0x800U - 0x80);
  BOOST_TEST(sequences_of[3] == (0x10000U - 0x800 - 0x800) / 64);
  BOOST_TEST(sequences_of[4] == 0x100000U / 64 / 64);
}

BOOST_AUTO_TEST_CASE(the_first_bad_byte_is_found) {
  BOOST_TEST(well_formed_utf8_prefix("") == 0U);
  BOOST_TEST(well_formed_utf8_prefix("aé漢😀") == 10U);
  BOOST_TEST(well_formed_utf8_prefix("a\x80") == 1U);
  BOOST_TEST(well_formed_utf8_prefix("é\xC0\xAF") == 2U);         // overlong
  BOOST_TEST(well_formed_utf8_prefix("\xED\xA0\x80") == 0U);      // a surrogate
  BOOST_TEST(well_formed_utf8_prefix("\xF4\x90\x80\x80") == 0U);  // above U+10FFFF
  BOOST_TEST(well_formed_utf8_prefix("ab\xE6\xBC") == 2U);        // cut
  BOOST_TEST(well_formed_utf8_prefix("\xE6\xBC\xC3\xA9") == 0U);
  BOOST_TEST(well_formed_utf8_prefix("\0\0"sv) == 2U);
}

BOOST_AUTO_TEST_SUITE_END()
