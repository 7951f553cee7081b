"""Makes the small fonts beside it, with fontTools: the same three glyphs as TrueType and OpenType
outlines, as a variable font and as a colour font, one whose glyph is far too large, one with
instructions and composite glyphs, and one whose composite glyphs take forever to unfold."""

from array import array
from pathlib import Path

from fontTools.colorLib.builder import buildCOLR, buildCPAL
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import newTable
from fontTools.ttLib.tables.ttProgram import Program

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


def program(*assembly):
    code = Program()
    code.fromAssembly(list(assembly))
    return code


def composite(*parts):
    """Parts are a glyph's name and a shift."""
    pen = TTGlyphPen({name: None for name, _ in parts})
    for name, dx in parts:
        pen.addComponent(name, (1, 0, 0, 1, dx, 0))
    return pen.glyph()


def hinted():
    """A function that moves a point to the grid, called in a loop; a control value; a composite."""
    builder = begin(is_ttf=True)
    glyphs = outlines()
    glyphs["block"].program = program("SVTCA[0]", "PUSHB[ ] 4 0", "LOOPCALL[ ]", "SVTCA[1]",
                                      "PUSHB[ ] 2 0", "MIRP[11101]", "IUP[0]", "IUP[1]")
    glyphs["corner"] = composite(("block", 0), ("block", 300))
    builder.font["glyf"] = newTable("glyf")
    builder.setupGlyf(glyphs)
    tables = {"fpgm": program("PUSHB[ ] 0", "FDEF[ ]", "PUSHB[ ] 0", "MDAP[1]", "ENDF[ ]"),
              "prep": program("PUSHW[ ] 511", "SCANCTRL[ ]", "PUSHB[ ] 70 0", "WCVTP[ ]")}
    for tag, code in tables.items():
        builder.font[tag] = newTable(tag)
        builder.font[tag].program = code
    builder.font["cvt "] = newTable("cvt ")
    builder.font["cvt "].values = array("h", [64, 128, 512])
    maxp = builder.font["maxp"]
    maxp.maxFunctionDefs, maxp.maxStackElements, maxp.maxStorage = 4, 64, 4
    finish(builder, "hinted.ttf")


def nested():
    """Each of forty composites holds the next one twice: 2^40 parts, without a point."""
    global ORDER, WIDTHS, POLYGONS
    saved = ORDER, WIDTHS, POLYGONS
    names = [f"level{i}" for i in range(40)]
    ORDER = ORDER + names
    WIDTHS = WIDTHS | {name: 512 for name in names}
    POLYGONS = POLYGONS | {name: [] for name in names}
    builder = begin(is_ttf=True)
    builder.setupCharacterMap({ord("a"): "block", ord(" "): "blank", ord("b"): names[0]})
    glyphs = outlines()
    for name, part in zip(names, names[1:] + ["blank"]):
        glyphs[name] = composite((part, 0), (part, 0))
    builder.font.recalcBBoxes = False
    for name in names:
        glyphs[name].xMin = glyphs[name].yMin = glyphs[name].xMax = glyphs[name].yMax = 0
    for name, glyph in glyphs.items():
        if name not in names:
            glyph.recalcBounds(None)
    builder.setupGlyf(glyphs, calcGlyphBounds=False)
    finish(builder, "nested.ttf")
    ORDER, WIDTHS, POLYGONS = saved


truetype("outlines.ttf")
hinted()
nested()
truetype("huge.ttf", scale=30)
opentype()
variable()
colour()
