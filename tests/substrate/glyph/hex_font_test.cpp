#include <accrete/substrate/glyph/hex_font.hpp>

#include <fstream>
#include <string>
#include <string_view>

#include <boost/test/unit_test.hpp>

#include <accrete/core/error.hpp>
#include <support/error_text.hpp>
#include <support/mutants.hpp>
#include <support/scratch_folder.hpp>

#include "../hand_made_font.hpp"

BOOST_AUTO_TEST_SUITE(hex_font)

namespace {

using accrete::FileError;
using accrete::HexFont;
using accrete_test::hand_made_hex;
using accrete_test::says;

std::string const blank(32, '0');

void check_refused(std::string_view text, std::string_view offset, std::string_view reason) {
  BOOST_TEST_CONTEXT(text) {
    BOOST_CHECK_EXCEPTION((void)HexFont::parse(text, "f.hex"), FileError,
                          says("f.hex: offset " + std::string(offset) + ": ", reason));
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(glyphs_are_found_by_code_point) {
  HexFont const font = HexFont::parse(hand_made_hex, "hand-made.hex");
  BOOST_TEST(font.glyphs().size() == 15U);
  accrete::HexGlyph const* const comma = font.find(U',');
  BOOST_REQUIRE(comma != nullptr);
  BOOST_TEST(comma->width == 8);
  BOOST_TEST(comma->at(3, 12));
  BOOST_TEST(!comma->at(3, 11));
  BOOST_TEST(!comma->at(2, 12));
  BOOST_TEST(font.find(0x4E00)->width == 16);
  BOOST_CHECK(font.find(U'x') == nullptr);
  BOOST_CHECK(font.find(0x10FFFF) == nullptr);
}

BOOST_AUTO_TEST_CASE(lower_case_digits_wide_glyphs_and_line_ends_of_all_kinds_are_read) {
  HexFont const font =
      HexFont::parse("00ab:" + std::string(32, 'f') + "\r\n0100:" + std::string(96, '0') +
                         "\n10FFFD:" + std::string(128, '8'),
                     "f.hex");
  BOOST_TEST(font.find(0xAB)->at(7, 15));
  BOOST_TEST(font.find(0x100)->width == 24);
  BOOST_TEST(font.find(0x10FFFD)->width == 32);
  BOOST_TEST(font.find(0x10FFFD)->at(28, 3));
  BOOST_TEST(!font.find(0x10FFFD)->at(29, 3));
}

BOOST_AUTO_TEST_CASE(marks_are_placed_by_a_second_file) {
  HexFont const plain = HexFont::parse(hand_made_hex, "hand-made.hex");
  HexFont const placed = plain.with_marks("0061:0\n0301:-8\n20D0:-8\n", "marks");
  BOOST_TEST(!plain.find(0x301)->mark_offset.has_value());
  BOOST_TEST(placed.find(0x301)->mark_offset.value() == -8);
  BOOST_TEST(placed.find(0x61)->mark_offset.value() == 0);
  BOOST_TEST(!placed.find(0x62)->mark_offset.has_value());
  BOOST_TEST(plain.marks_sha256() == "");
  BOOST_TEST(placed.marks_sha256().size() == 64U);
  BOOST_TEST(placed.sha256() == plain.sha256());
}

BOOST_AUTO_TEST_CASE(a_file_is_read_and_its_path_named_in_errors) {
  accrete_test::ScratchFolder const folder;
  std::ofstream(folder / "good.hex") << hand_made_hex;
  std::ofstream(folder / "empty.hex");
  std::ofstream(folder / "marks") << "0301:-8\n0302:x\n";
  HexFont const font = HexFont::read(folder / "good.hex");
  BOOST_TEST(font.glyphs().size() == 15U);
  BOOST_CHECK_EXCEPTION((void)HexFont::read(folder / "empty.hex"), FileError,
                        says("empty.hex", "at least one glyph"));
  BOOST_CHECK_EXCEPTION((void)HexFont::read(folder / "none.hex"), FileError, says("none.hex"));
  BOOST_CHECK_EXCEPTION((void)font.with_marks(folder / "marks"), FileError,
                        says("marks: offset 13: line 2:", "-32 to 32"));
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_named_with_its_place) {
  check_refused("", "0", "at least one glyph");
  check_refused("\n", "0", "four to six hexadecimal digits");
  check_refused("41:" + blank, "2", "four to six");
  check_refused("0000041:" + blank, "6", "at most six digits");
  check_refused("00G1:" + blank, "2", "hexadecimal digit or a colon");
  check_refused("0041", "4", "colon after the code point");
  check_refused("110000:" + blank, "0", "up to 10FFFF");
  check_refused("0041:", "5", "got 0");
  check_refused("0041:" + blank + "0", "5", "got 33");
  check_refused("0041:" + std::string(48, '0'), "5", "got 48");
  check_refused("0041:" + std::string(160, '0'), "5", "got 160");
  check_refused("0041:" + std::string(31, '0') + "x", "36", "hexadecimal digit");
  check_refused("0041:" + std::string(31, '0') + "\n", "5", "got 31");
  check_refused("0041:" + blank + "\n0041:" + blank, "38", "line 2: expected ascending");
  check_refused("0042:" + blank + "\n0041:" + blank, "38", "ascending code points");
  check_refused("0041:" + blank + "\n\n", "38", "line 2:");
  check_refused(std::string_view("\0\0\0\0\0", 5), "0", "hexadecimal digit");
}

BOOST_AUTO_TEST_CASE(marks_out_of_range_are_refused) {
  HexFont const font = HexFont::parse(hand_made_hex, "f.hex");
  for (auto const* text : {"0301:-33", "0301:33", "0301:", "0301:-", "0301:1x", "0301:+1",
                           "0301:99999999999", "0301: 1"}) {
    BOOST_CHECK_EXCEPTION((void)font.with_marks(text, "marks"), FileError,
                          says("marks: offset 5: line 1:"));
  }
}

BOOST_AUTO_TEST_CASE(mutants_are_read_or_refused) {
  accrete_test::Mutants mutants(7);
  int refused = 0;
  for (int i = 0; i < accrete_test::mutant_count(); ++i) {
    std::string const text = mutants.mutate(std::string(hand_made_hex));
    try {
      HexFont const font = HexFont::parse(text, "f.hex");
      BOOST_TEST(!font.glyphs().empty());
    } catch (FileError const& error) {
      BOOST_TEST(error.offset() <= text.size());
      ++refused;
    }
  }
  BOOST_TEST(refused > 500);
}

BOOST_AUTO_TEST_SUITE_END()
