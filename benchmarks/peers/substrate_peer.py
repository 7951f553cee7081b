"""The published way from a font to a table, with Pillow, NumPy and scikit-learn, timed, as JSON on standard output.

Usage: accrete-bench-substrate --write-tokens tokens.txt ...
       substrate_peer.py --tokens tokens.txt --font unifont.otf [--size 32] [--limit N] [--skip-table] [--bits FILE]

Tokens come one a line, their code points in hexadecimal. --bits writes the bits, one line a token: code points, a tab,
the bits in hexadecimal. --limit draws the first N tokens alone; --skip-table leaves out the components.
"""
import argparse
import json
import math
import random
import resource
import time

import numpy
import PIL
from PIL import Image, ImageDraw, ImageFilter, ImageFont

PAPER, INK = 255, 0
# Greatest angle, greatest shift, share of black pixels, blurred.
PLAIN = (0, 0, 0.001, False)
EASY = {32: (4, 2, 0.01, True), 64: (7, 3, 0.03, True)}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", required=True)
    parser.add_argument("--font", required=True)
    parser.add_argument("--size", type=int, default=32, choices=EASY)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--skip-table", action="store_true")
    parser.add_argument("--bits")
    return parser.parse_args()


def is_easy(text):
    return all(ord(c) <= 0x24F or 0x370 <= ord(c) <= 0x58F for c in text)


def draw_row(text, font, size):
    row = Image.new("L", (size * len(text), size), PAPER)
    pen = ImageDraw.Draw(row)
    for cell, character in enumerate(text):
        left, top, right, bottom = font.getbbox(character)
        x = cell * size + (size - (right - left)) // 2
        pen.text((x, (size - (bottom - top)) // 2 - top), character, font=font, fill=INK)
    return row


def augment(row, rotation, shift, noise, blurred):
    random.seed(42)
    numpy.random.seed(42)
    row = row.rotate(random.uniform(-rotation, rotation), resample=Image.NEAREST, fillcolor=PAPER)
    shifted = Image.new("L", row.size, PAPER)
    shifted.paste(row, (random.randint(-shift, shift), random.randint(-shift, shift)))
    pixels = numpy.array(shifted)
    pixels[numpy.random.rand(*pixels.shape) < noise] = INK
    row = Image.fromarray(pixels)
    return row.filter(ImageFilter.GaussianBlur(radius=0.5)) if blurred else row


def polar_order(size):
    middle = size / 2
    places = [(x, y) for x in range(size) for y in range(size)]
    places.sort(key=lambda p: (math.hypot(p[0] - middle, p[1] - middle), math.atan2(p[1] - middle, p[0] - middle), p))
    return [y for _, y in places], [x for x, _ in places]


def draw(text, font, size, order):
    row = augment(draw_row(text, font, size), *(EASY[size] if is_easy(text) else PLAIN))
    black_and_white = row.point(lambda pixel: 0 if pixel < 128 else 255, "1")
    return ~numpy.array(black_and_white.resize((size, size)))[order]


def table_of(bits):
    from sklearn.decomposition import PCA

    width = bits.shape[1]
    table = PCA(n_components=width, svd_solver="full").fit_transform(bits.astype(numpy.float32))
    return table / numpy.maximum(numpy.linalg.norm(table, axis=1, keepdims=True), 1e-12)


def main():
    arguments = parse_arguments()
    with open(arguments.tokens, encoding="ascii") as file:
        lines = [line.split("\t")[0].strip() for line in file][: arguments.limit]
    font = ImageFont.truetype(arguments.font, arguments.size, layout_engine=ImageFont.Layout.BASIC)
    order = polar_order(arguments.size)
    start = time.perf_counter()
    texts = ["".join(chr(int(code, 16)) for code in line.split()) for line in lines]
    bits = numpy.array([draw(text, font, arguments.size, order) for text in texts])
    seconds = {"drawing": time.perf_counter() - start}
    if arguments.bits:
        with open(arguments.bits, "w", encoding="ascii") as file:
            for line, row in zip(lines, bits):
                file.write(f"{line}\t{numpy.packbits(row).tobytes().hex()}\n")
    if not arguments.skip_table:
        start = time.perf_counter()
        table_of(bits)
        seconds["table"] = time.perf_counter() - start
    report = {
        "tokens": len(texts),
        "pillow": PIL.__version__,
        "numpy": numpy.__version__,
        "stages": seconds,
        "vm_hwm_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
