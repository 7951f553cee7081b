#include <accrete/substrate/glyph/freetype_rasterizer.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <accrete/io/file.hpp>
#include <accrete/substrate/glyph/bvv241_recipe.hpp>
#include <accrete/substrate/glyph/hex_rasterizer.hpp>
#include <accrete/substrate/glyph_substrate.hpp>
#include <support/error_text.hpp>
#include <support/mutants.hpp>
#include <support/scratch_folder.hpp>

#include "../installed.hpp"
#include "../published_pictures.hpp"

BOOST_AUTO_TEST_SUITE(freetype_rasterizer)

namespace {

namespace fs = std::filesystem;
using accrete::FileError;
using accrete::FreeTypeRasterizer;
using accrete::Glyph;
using accrete::Index;
using accrete_test::needs;
using accrete_test::says;
using accrete_test::unifont;
using accrete_test::unifont_hex;
using accrete_test::unifont_marks;

fs::path const bitmap_font = "/usr/share/fonts/X11/misc/unifont.pcf.gz";
fs::path const small_fonts = ACCRETE_SOURCE_DIR "/tests/substrate/fonts";

}  // namespace

BOOST_AUTO_TEST_CASE(every_glyph_of_unifont_equals_its_bitmap,
                     *needs({unifont, unifont_hex, unifont_marks})) {
  FreeTypeRasterizer outlines(unifont);
  accrete::HexRasterizer const bitmaps(
      accrete::HexFont::read(unifont_hex).with_marks(unifont_marks));
  for (Index const size : {32, 64}) {
    Index found = 0;
    Index different = 0;
    for (char32_t code_point = 0; code_point < 0x10000; ++code_point) {
      auto const glyph = outlines.find(code_point, size);
      found += glyph ? 1 : 0;
      different += glyph == bitmaps.find(code_point, size) ? 0 : 1;
    }
    BOOST_TEST(found >= 57'000);
    BOOST_TEST(different == 0);
    BOOST_CHECK(outlines.missing(size) == bitmaps.missing(size));
  }
}

BOOST_AUTO_TEST_CASE(published_pictures_come_out_bit_by_bit, *needs({unifont})) {
  FreeTypeRasterizer font(unifont);
  for (Index const size : {32, 64}) {
    auto const comparison = accrete_test::compare_with_published(font, size);
    BOOST_TEST(comparison.pictures == (size == 32 ? 400U : 60U));
    BOOST_TEST(comparison.different == 0U);
  }
}

BOOST_AUTO_TEST_CASE(a_substrate_equals_that_of_the_bitmaps,
                     *needs({unifont, unifont_hex, unifont_marks})) {
  std::vector<accrete::Token> tokens;
  for (char32_t code_point = 0x20; code_point < 0xD800; code_point += 211) {
    tokens.push_back({accrete::to_utf8(std::u32string{code_point})});
    tokens.push_back({accrete::to_utf8(std::u32string{code_point, char32_t{0x301}, U'a'})});
  }
  accrete::Vocabulary const vocabulary(tokens, {});
  accrete::HexRasterizer const bitmaps(
      accrete::HexFont::read(unifont_hex).with_marks(unifont_marks));
  accrete::Bvv241Recipe const recipe(32);
  BOOST_CHECK(build_glyph_substrate(vocabulary, FreeTypeRasterizer(unifont), recipe, 64) ==
              build_glyph_substrate(vocabulary, bitmaps, recipe, 64));
}

BOOST_AUTO_TEST_CASE(a_copy_draws_the_same, *needs({unifont})) {
  FreeTypeRasterizer original(unifont);
  FreeTypeRasterizer copy(original);
  Glyph const first = original.find(U'g', 32).value();
  BOOST_CHECK(copy.find(U'g', 16) == original.find(U'g', 16));
  BOOST_CHECK(copy.find(U'g', 32).value() == first);
  BOOST_TEST(first.ink.width() == 12);
  BOOST_TEST(first.advance == 16);
}

BOOST_AUTO_TEST_CASE(what_the_font_lacks_is_not_found, *needs({unifont})) {
  FreeTypeRasterizer font(unifont);
  BOOST_TEST(!font.find(0xE000, 32).has_value());
  BOOST_TEST(!font.find(0x7FFFFFFF, 32).has_value());
  BOOST_TEST(font.missing(32).ink.has_ink());
}

BOOST_AUTO_TEST_CASE(the_description_names_font_and_library, *needs({unifont})) {
  accrete::Json const json = FreeTypeRasterizer(unifont).describe();
  BOOST_TEST(json.at("font").as_string() == "unifont.otf");
  BOOST_TEST(json.at("family").as_string() == "Unifont");
  BOOST_TEST(json.at("version").as_string().substr(0, 2) == "2.");
  BOOST_TEST(json.at("sha256").as_string() ==
             accrete::sha256_hex(accrete::read_file(unifont, 1 << 30)));
}

BOOST_AUTO_TEST_CASE(sizes_out_of_range_are_rejected, *needs({unifont})) {
  FreeTypeRasterizer font(unifont);
  for (Index const size : {-1, 0, 1025}) {
    BOOST_CHECK_EXCEPTION((void)font.find(U'a', size), accrete::ValueError, says("1 to 1024"));
  }
}

BOOST_AUTO_TEST_CASE(a_face_that_the_file_lacks_is_refused, *needs({unifont})) {
  BOOST_CHECK_EXCEPTION(FreeTypeRasterizer(unifont, {.face = 3}), FileError,
                        says("FT_New_Memory_Face"));
  BOOST_CHECK_EXCEPTION(FreeTypeRasterizer(unifont, {.face = -1}), accrete::ValueError, says("-1"));
}

BOOST_AUTO_TEST_CASE(what_is_no_font_is_refused) {
  accrete_test::ScratchFolder const folder;
  std::ofstream(folder / "empty.otf");
  std::ofstream(folder / "text.otf") << "This is no font.\n";
  for (auto const* name : {"empty.otf", "text.otf"}) {
    BOOST_CHECK_EXCEPTION(FreeTypeRasterizer{folder / name}, FileError,
                          says(name, "FT_New_Memory_Face", "freetype_rasterizer.hpp:"));
  }
  BOOST_CHECK_EXCEPTION(FreeTypeRasterizer{folder / "none.otf"}, FileError,
                        says("none.otf", "No such file"));
  BOOST_CHECK_EXCEPTION(FreeTypeRasterizer{folder.path()}, FileError, says(folder.path().string()));
}

BOOST_AUTO_TEST_CASE(bitmap_fonts_are_refused, *needs({bitmap_font})) {
  BOOST_CHECK_EXCEPTION(FreeTypeRasterizer{bitmap_font}, FileError, says("bitmap-only"));
}

BOOST_AUTO_TEST_CASE(outlines_of_both_kinds_are_drawn_on_the_pixel_grid) {
  for (auto const* name : {"outlines.ttf", "outlines.otf"}) {
    FreeTypeRasterizer font(small_fonts / name);
    accrete::Bitmap block(8, 16);
    block.fill(0, 0, 8, 16);
    BOOST_CHECK(font.find(U'a', 32).value() == (Glyph{block, 2, 14, 16}));
    BOOST_CHECK(font.find(0x1F600, 32) == font.find(U'a', 32));
    BOOST_CHECK(font.find(U' ', 32).value() == (Glyph{{}, 0, 0, 16}));
    Glyph const corner = font.find(U'b', 32).value();
    BOOST_TEST(corner.ink.width() == 25);
    BOOST_TEST(corner.ink.at(0, 24) == 255);
    BOOST_TEST(corner.ink.at(24, 0) == 0);
    BOOST_TEST(corner.ink.at(12, 12) / 2 == 64);  // halved by the edge
    BOOST_TEST(font.missing(32).ink.height() == 20);
    BOOST_TEST(!font.find(U'c', 32).has_value());
  }
}

BOOST_AUTO_TEST_CASE(fonts_of_other_kinds_are_refused_by_name) {
  BOOST_CHECK_EXCEPTION(FreeTypeRasterizer{small_fonts / "variable.ttf"}, FileError,
                        says("variable.ttf: variable fonts"));
  BOOST_CHECK_EXCEPTION(FreeTypeRasterizer{small_fonts / "colour.ttf"}, FileError,
                        says("colour.ttf: colour fonts"));
}

BOOST_AUTO_TEST_CASE(glyphs_beyond_measure_are_refused) {
  FreeTypeRasterizer font(small_fonts / "huge.ttf");
  BOOST_CHECK_EXCEPTION((void)font.find(U'b', 32), FileError,
                        says("huge.ttf: glyph 2 is over sixteen times as large"));
}

// Forty levels of glyphs made of two glyphs each: 2^40 parts.
BOOST_AUTO_TEST_CASE(glyphs_that_unfold_without_end_are_refused) {
  FreeTypeRasterizer font(small_fonts / "nested.ttf");
  BOOST_CHECK_EXCEPTION((void)font.find(U'b', 32), FileError, says("nested.ttf", "FT_Load_Glyph"));
  BOOST_TEST(font.find(U'a', 32).value().ink.width() == 8);
}

BOOST_AUTO_TEST_CASE(cut_and_changed_fonts_are_refused_or_drawn) {
  accrete_test::ScratchFolder const folder;
  accrete_test::Mutants mutants(11);
  auto const try_font = [&](std::string const& bytes, accrete::Hinting hinting) {
    std::ofstream(folder / "f.ttf", std::ios::binary | std::ios::trunc) << bytes;
    try {
      FreeTypeRasterizer font(folder / "f.ttf", {.hinting = hinting});
      for (char32_t const code_point : {U' ', U'a', U'b', char32_t{0x1F600}}) {
        BOOST_TEST(font.find(code_point, 32).value_or(Glyph{}).ink.width() <= 1024);
      }
      BOOST_TEST(font.missing(32).ink.width() <= 1024);
    } catch (FileError const& error) {
      BOOST_CHECK(says("f.ttf: ")(error));
    }
  };
  auto const overwrite = [&](std::string bytes) {
    for (std::size_t faults = 1 + mutants.below(8); faults > 0; --faults) {
      bytes[mutants.below(bytes.size())] = static_cast<char>(mutants.below(256));
    }
    return bytes;
  };
  for (auto const* name : {"outlines.ttf", "outlines.otf", "hinted.ttf"}) {
    std::string const bytes = accrete::read_file(small_fonts / name, 1 << 20);
    for (auto const hinting : {accrete::Hinting::none, accrete::Hinting::automatic}) {
      for (std::size_t size = 0; size < bytes.size(); size += 16) {
        try_font(bytes.substr(0, size), hinting);
      }
      for (int i = 0; i < 250; ++i) try_font(mutants.mutate(bytes), hinting);
      for (int i = 0; i < 250; ++i) try_font(overwrite(bytes), hinting);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
