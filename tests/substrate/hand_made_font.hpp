/// A font of a few glyphs, made for the tests, so that they need no font file.
#pragma once

#include <string_view>
#include <vector>

#include <accrete/substrate/glyph/hex_rasterizer.hpp>
#include <accrete/text/vocabulary.hpp>

namespace accrete_test {

inline constexpr std::string_view hand_made_hex =
    "0020:00000000000000000000000000000000\n"
    "002C:00000000000000000000000018180810\n"
    "002E:00000000000000000000000018180000\n"
    "003C:00000000000408102010080400000000\n"
    "003E:00000000002010080408102000000000\n"
    "0061:0000000000000038047C444C34000000\n"
    "0062:00000040404058644444446458000000\n"
    "0063:00000000000000384440404438000000\n"
    "0064:000000040404344C4444444C34000000\n"
    "0070:00000000000000586444645840404000\n"
    "0073:000000000000003C4038044438000000\n"
    "0301:00040800000000000000000000000000\n"
    "03BF:00000000000000384444444438000000\n"
    "043E:00000000000000384444444438000000\n"
    "4E00:00000000000000000000000000007FFE7FFE0000000000000000000000000000\n";

inline constexpr std::string_view hand_made_marks = "0301:-8\n20D0:-8\n";

[[nodiscard]] inline accrete::HexRasterizer hand_made_font() {
  return accrete::HexRasterizer(
      accrete::HexFont::parse(hand_made_hex, "hand-made.hex").with_marks(hand_made_marks, "marks"));
}

}  // namespace accrete_test
