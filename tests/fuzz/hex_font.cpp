// .hex fonts, and the places of their marks: a font that is read, written as the format says, reads the same.
#include <accrete/substrate/glyph/hex_font.hpp>

#include "fuzz.hpp"

using namespace accrete;
using namespace accrete_fuzz;

namespace {

std::string written(HexFont const& font) {
  std::string text;
  char digits[16];
  for (HexGlyph const& glyph : font.glyphs()) {
    text.append(digits,
                static_cast<std::size_t>(std::snprintf(
                    digits, sizeof digits, "%04X:", static_cast<unsigned>(glyph.code_point))));
    for (std::uint32_t const row : glyph.rows)
      text.append(digits,
                  static_cast<std::size_t>(std::snprintf(digits, sizeof digits, "%0*X",
                                                         static_cast<int>(glyph.width / 4), row)));
    text += '\n';
  }
  return text;
}

void read_font(std::string_view text) noexcept {
  static HexFont const letters =
      HexFont::parse("0061:" + std::string(32, '1') + "\n0301:" + std::string(64, '2'), "letters");
  auto const marked = read_or_refuse("f", [&] { return letters.with_marks(text, "f"); });
  if (marked)
    for (HexGlyph const& glyph : marked->glyphs())
      require(glyph.mark_offset.value_or(0) <= 32 && glyph.mark_offset.value_or(0) >= -32,
              "a mark stands near its letter");
  auto const font = read_or_refuse("f", [&] { return HexFont::parse(text, "f"); });
  if (!font) return;
  HexFont const again = HexFont::parse(written(*font), "again");
  require(again.glyphs().size() == font->glyphs().size(), "all glyphs are there");
  for (HexGlyph const& glyph : font->glyphs()) {
    require(font->find(glyph.code_point) == &glyph, "a glyph is found by its code point");
    HexGlyph const* const other = again.find(glyph.code_point);
    require(other != nullptr && other->width == glyph.width && other->rows == glyph.rows,
            "a glyph reads the same");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  read_font({reinterpret_cast<char const*>(data), size});
  return 0;
}
