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

void read_font(std::span<std::uint8_t const> content) noexcept {
  static MemoryFile const file;
  static HexFont const letters =
      HexFont::parse("0061:" + std::string(32, '1') + "\n0301:" + std::string(64, '2'), "letters");
  file.set(content);
  std::filesystem::path const path = file.path();
  auto const marked = read_or_refuse(file.path(), [&] { return letters.with_marks(path); });
  if (marked) {
    require(!marked->marks_sha256().empty(), "marks have a hash");
    for (HexGlyph const& glyph : marked->glyphs())
      require(glyph.mark_offset.value_or(0) <= 32 && glyph.mark_offset.value_or(0) >= -32,
              "a mark stands near its letter");
  }
  auto const font = read_or_refuse(file.path(), [&] { return HexFont::read(path); });
  if (!font) return;
  require(
      font->name() == file.path() && font->sha256().size() == 64 && font->marks_sha256().empty(),
      "a font says what it is");
  HexFont const again = HexFont::parse(written(*font), "again");
  require(again.glyphs().size() == font->glyphs().size(), "all glyphs are there");
  for (HexGlyph const& glyph : font->glyphs()) {
    require(font->find(glyph.code_point) == &glyph, "a glyph is found by its code point");
    HexGlyph const* const other = again.find(glyph.code_point);
    require(other != nullptr && other->width == glyph.width && other->rows == glyph.rows,
            "a glyph reads the same");
    require(glyph.at(glyph.width - 1, 15) == ((glyph.rows[15] & 1) != 0),
            "the lowest bit is the rightmost pixel");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  read_font({data, size});
  return 0;
}
