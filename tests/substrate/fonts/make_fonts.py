"""Makes the small fonts beside it, with fontTools: the same three glyphs as TrueType and OpenType
outlines, as a variable font and as a colour font, and one whose glyph is far too large."""

from pathlib import Path

from fontTools.colorLib.builder import buildCOLR, buildCPAL
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen

UNITS = 1024  # 32 units are a pixel at 32 pixels
ORDER = [".notdef", "block", "corner", "blank"]
CHARACTERS = {ord("a"): "block", ord("b"): "corner", ord(" "): "blank", 0x1F600: "block"}
WIDTHS = {".notdef": 512, "block": 512, "corner": 1024, "blank": 512}
POLYGONS = {
    ".notdef": [(64, 0), (64, 640), (448, 640), (448, 0)],
    "block": [(64, -64), (64, 448), (320, 448), (320, -64)],
    "corner": [(0, 0), (0, 800), (800, 0)],
    "blank": [],
}


def draw(pen, polygon):
    if polygon:
        pen.moveTo(polygon[0])
        for point in polygon[1:]:
            pen.lineTo(point)
        pen.closePath()
    return pen


def begin(is_ttf):
    builder = FontBuilder(UNITS, isTTF=is_ttf)
    builder.setupGlyphOrder(ORDER)
    builder.setupCharacterMap(CHARACTERS)
    return builder


def finish(builder, name, scale=1):
    bearings = {glyph: min((x for x, _ in POLYGONS[glyph]), default=0) * scale for glyph in ORDER}
    builder.setupHorizontalMetrics({glyph: (WIDTHS[glyph], bearings[glyph]) for glyph in ORDER})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Accrete Test", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.font["head"].created = builder.font["head"].modified = 0
    builder.font.recalcTimestamp = False
    builder.save(Path(__file__).parent / name)


def outlines(scale=1):
    scaled = {name: [(x * scale, y * scale) for x, y in points] for name, points in POLYGONS.items()}
    return {name: draw(TTGlyphPen(None), points).glyph() for name, points in scaled.items()}


def truetype(name, scale=1):
    builder = begin(is_ttf=True)
    builder.setupGlyf(outlines(scale))
    finish(builder, name, scale)


def opentype():
    builder = begin(is_ttf=False)
    strings = {name: draw(T2CharStringPen(WIDTHS[name], None), points).getCharString()
               for name, points in POLYGONS.items()}
    builder.setupCFF("AccreteTest", {}, strings, {})
    finish(builder, "outlines.otf")


def variable():
    builder = begin(is_ttf=True)
    builder.setupGlyf(outlines())
    builder.setupNameTable({"familyName": "Accrete Test", "styleName": "Regular"})
    builder.setupFvar([("wght", 100, 400, 900, "Weight")], [])
    builder.setupGvar({name: [] for name in ORDER})
    finish(builder, "variable.ttf")


def colour():
    builder = begin(is_ttf=True)
    builder.setupGlyf(outlines())
    builder.font["COLR"] = buildCOLR({"block": [("corner", 0)]}, version=0)
    builder.font["CPAL"] = buildCPAL([[(1.0, 0.0, 0.0, 1.0)]])
    finish(builder, "colour.ttf")


truetype("outlines.ttf")
truetype("huge.ttf", scale=30)
opentype()
variable()
colour()
