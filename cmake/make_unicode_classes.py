"""Writes include/accrete/text/unicode_class_table.hpp from Python's Unicode data.

Usage: python3 cmake/make_unicode_classes.py > include/accrete/text/unicode_class_table.hpp

Takes the version that the package unicodedata2 has where it is installed, else that of Python itself.

Classes as regular expressions name them: \\p{L} letters, \\p{N} numbers, \\s white space (the property White_Space).
"""
try:
    import unicodedata2 as unicodedata
except ImportError:
    import unicodedata

WHITE_SPACE = {*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000}


def class_of(code_point):
    if code_point in WHITE_SPACE:
        return 3
    return {"L": 1, "N": 2}.get(unicodedata.category(chr(code_point))[0], 0)


starts, last = [], None
for code_point in range(0x110000):
    current = class_of(code_point)
    if current != last:
        starts.append(code_point * 4 + current)
        last = current

print(f"""/// Made by cmake/make_unicode_classes.py from Unicode {unicodedata.unidata_version}.
#pragma once

#include <array>
#include <cstdint>

#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {{

/// Where runs of code points of one class start: four times the first code point, plus the class
/// (0 other, 1 letter, 2 number, 3 white space).
inline constexpr std::array<std::uint32_t, {len(starts)}> unicode_class_starts{{""")
line = "   "
for start in starts:
    word = f" {start},"
    if len(line) + len(word) > 100:
        print(line)
        line = "   "
    line += word
print(line)
print("""};

}  // namespace detail

ACCRETE_END_NAMESPACE""")
