#include <accrete/text/utf8.hpp>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "support/error_text.hpp"

using namespace accrete;
using namespace std::literals;
using accrete_test::says;

BOOST_AUTO_TEST_SUITE(utf8)

namespace {

bool is_scalar(char32_t code_point) {
  return code_point <= max_code_point && (code_point < 0xD800 || code_point > 0xDFFF);
}

/// Decodes by the definition: the shortest form, found by writing out every candidate.
std::optional<char32_t> decode_by_definition(std::string_view bytes) {
  auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  char32_t value = 0;
  if (bytes.size() == 1) value = byte(0);
  if (bytes.size() == 2) value = (byte(0) & 0x1FU) << 6 | (byte(1) & 0x3FU);
  if (bytes.size() == 3)
    value = (byte(0) & 0x0FU) << 12 | (byte(1) & 0x3FU) << 6 | (byte(2) & 0x3FU);
  if (!is_scalar(value)) return std::nullopt;
  std::string written;
  append_utf8(written, value);
  return written == bytes ? std::optional(value) : std::nullopt;
}

struct IllFormed {
  std::string_view bytes;
  Utf8Fault fault;
  std::uint32_t length;
};

std::ostream& operator<<(std::ostream& out, IllFormed const& sample) {
  for (char const byte : sample.bytes)
    out << std::hex << (static_cast<unsigned>(byte) & 0xFF) << ' ';
  return out;
}

IllFormed const ill_formed[] = {
    {"\x80", Utf8Fault::stray_continuation, 1},
    {"\xBF\x80", Utf8Fault::stray_continuation, 1},
    {"\xC0\x80", Utf8Fault::overlong, 1},
    {"\xC1\xBF", Utf8Fault::overlong, 1},
    {"\xE0\x80\x80", Utf8Fault::overlong, 1},
    {"\xE0\x9F\xBF", Utf8Fault::overlong, 1},
    {"\xF0\x8F\xBF\xBF", Utf8Fault::overlong, 1},
    {"\xED\xA0\x80", Utf8Fault::surrogate, 1},
    {"\xED\xBF\xBF", Utf8Fault::surrogate, 1},
    {"\xF4\x90\x80\x80", Utf8Fault::beyond_unicode, 1},
    {"\xF5\x80\x80\x80", Utf8Fault::impossible_byte, 1},
    {"\xFF", Utf8Fault::impossible_byte, 1},
    {"\xC3", Utf8Fault::truncated, 1},
    {"\xE2\x82", Utf8Fault::truncated, 2},
    {"\xF0\x9F\x98", Utf8Fault::truncated, 3},
    {"\xC3(", Utf8Fault::missing_continuation, 1},
    {"\xE2\x82(", Utf8Fault::missing_continuation, 2},
    {"\xF0\x9F\x98\xC3", Utf8Fault::missing_continuation, 3},
};

}  // namespace

BOOST_AUTO_TEST_CASE(every_code_point_survives_encoding_and_decoding) {
  int survivors = 0;
  for (char32_t code_point = 0; code_point <= max_code_point; ++code_point) {
    if (!is_scalar(code_point)) continue;
    std::string text;
    append_utf8(text, code_point);
    Utf8Step const step = decode_code_point(text, 0);
    bool const same = step.fault == Utf8Fault::none && step.code_point == code_point &&
                      step.length == text.size() && text.size() == utf8_length(code_point);
    if (same) ++survivors;
  }
  BOOST_TEST(survivors == 0x110000 - 0x800);
}

BOOST_AUTO_TEST_CASE(of_all_sequences_up_to_three_bytes_exactly_the_well_formed_are_read) {
  int well_formed = 0;
  for (std::size_t length = 1; length <= 3; ++length) {
    for (std::size_t number = 0; number < std::size_t{1} << (8 * length); ++number) {
      std::string bytes;
      for (std::size_t i = length; i-- > 0;) bytes += static_cast<char>(number >> (8 * i));
      Utf8Step const step = decode_code_point(bytes, 0);
      bool const whole = step.fault == Utf8Fault::none && step.length == length;
      std::optional<char32_t> const expected = decode_by_definition(bytes);
      bool const same = whole == expected.has_value() && (!whole || step.code_point == *expected);
      if (!same) BOOST_TEST_REQUIRE(same, "bytes " << std::hex << number);
      if (whole) ++well_formed;
    }
  }
  BOOST_TEST(well_formed == 0x10000 - 0x800);
}

BOOST_DATA_TEST_CASE(each_fault_is_named_with_what_to_skip,
                     boost::unit_test::data::make(ill_formed)) {
  Utf8Step const step = decode_code_point(sample.bytes, 0);
  BOOST_TEST((step.fault == sample.fault), describe(step.fault));
  BOOST_TEST(step.length == sample.length);
  BOOST_TEST(!is_valid_utf8(sample.bytes));
}

BOOST_AUTO_TEST_CASE(errors_name_the_source_and_the_first_bad_byte) {
  BOOST_CHECK_EXCEPTION((void)to_code_points("aé\xED\xA0\x80", "notes.txt"), FileError,
                        says("notes.txt", "offset 3", "surrogate"));
  BOOST_CHECK_EXCEPTION((void)count_code_points("ab\xE2\x82"), FileError,
                        says("text", "offset 2", "ends"));
  BOOST_CHECK_EXCEPTION((void)to_utf8(U"a\xD800"), ValueError, says("U+D800"));
  BOOST_CHECK_EXCEPTION((void)to_utf8(std::u32string(1, char32_t{0x110000})), ValueError,
                        says("U+110000"));
}

BOOST_AUTO_TEST_CASE(texts_of_all_widths_convert_both_ways) {
  std::string const text = "a\0é€😀"s;
  std::u32string const code_points = U"a\0é€😀"s;
  BOOST_TEST((to_code_points(text) == code_points));
  BOOST_TEST(to_utf8(code_points) == text);
  BOOST_TEST(count_code_points(text) == 5U);
  BOOST_TEST(is_valid_utf8(text));
  BOOST_TEST(to_code_points("").empty());
}

BOOST_AUTO_TEST_CASE(a_cursor_knows_its_byte_offset) {
  CodePointCursor cursor("é😀");
  BOOST_TEST(cursor.offset() == 0U);
  BOOST_TEST((cursor.next() == U'é'));
  BOOST_TEST(cursor.offset() == 2U);
  BOOST_TEST((cursor.next() == U'😀'));
  BOOST_TEST(cursor.offset() == 6U);
  BOOST_TEST(cursor.done());
}

BOOST_AUTO_TEST_SUITE_END()
