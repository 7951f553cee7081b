"""Compares what accrete and Python's `safetensors` accept, on files made at random and on damaged ones.

    python3 safetensors_agreement.py --verdicts PROGRAM [--files 10000] [--seed 1]

PROGRAM is safetensors_verdicts.cpp, compiled with accrete's headers. Of valid files each must be accepted by both; of as many
damaged ones every difference is counted by accrete's reason, or by the peer's where accrete accepts.
"""
import argparse
import collections
import json
import pathlib
import random
import re
import struct
import subprocess
import tempfile

import safetensors

BITS = {"F64": 64, "F32": 32, "BF16": 16, "F16": 16, "I64": 64, "I32": 32, "I16": 16, "I8": 8, "U8": 8, "U16": 16, "U32": 32,
        "U64": 64, "BOOL": 8, "F8_E4M3": 8, "F8_E5M2": 8}
NUMBERS = ["0", "1", "7", "8", "9", "255", "4294967296", "9223372036854775807", "9223372036854775808", "18446744073709551615",
           "18446744073709551616", "-0", "1.0", "1e0"]
TELLING = [c.encode() for c in "{}[]\",:\\0123456789-+.eEu \n\t"] + [b"\0", b"\x7f", b"\x80", b"\xed", b"\xff"]


def name(chance):
    letters = "abcXYZ._0/\u00e9\u6f22\U0001f600\"\\\n \t\x7f"
    return "".join(chance.choice(letters) for _ in range(chance.randint(0, 8)))


def valid(chance):
    """A file as other writers may make it: any order of tensors, keys and blanks, padded or not."""
    tensors, offset, data = {}, 0, b""
    for _ in range(chance.randint(0, 5)):
        dtype = chance.choice(list(BITS))
        shape = [chance.choice([0, 1, 1, 1, 2, 3]) for _ in range(chance.choice([0, 1, 1, 2, 2, 3, 8]))]
        size = BITS[dtype] // 8
        for extent in shape:
            size *= extent
        key = name(chance)
        if key in tensors or key == "__metadata__":
            continue
        info = [("dtype", dtype), ("shape", shape), ("data_offsets", [offset, offset + size])]
        chance.shuffle(info)
        tensors[key] = dict(info)
        data += chance.randbytes(size)
        offset += size
    entries = list(tensors.items())
    if chance.random() < 0.5:
        entries.append(("__metadata__", {name(chance): name(chance) for _ in range(chance.randint(0, 3))}))
    chance.shuffle(entries)
    text = json.dumps(dict(entries), ensure_ascii=chance.random() < 0.5, indent=chance.choice([None, None, 0, 2]),
                      separators=chance.choice([(",", ":"), (", ", ": "), (" ,", " : ")])).encode()
    text += b" " * chance.choice([0, -len(text) % 8, 3])
    return struct.pack("<Q", len(text)) + text + data


def damaged(content, chance):
    """Up to three faults, most of them in the header; the length is mended half of the time, so that more is read."""
    header = struct.unpack("<Q", content[:8])[0]
    text, data = bytearray(content[8:8 + header]), bytearray(content[8 + header:])
    for _ in range(chance.randint(1, 3)):
        part = data if chance.random() < 0.1 else text
        at = chance.randint(0, len(part))
        length = chance.randint(1, 16)
        fault = chance.randint(0, 6)
        if fault == 0 and at < len(part):
            part[at] ^= 1 << chance.randint(0, 7)
        elif fault == 1 and at < len(part):
            part[at:at + 1] = chance.choice(TELLING)
        elif fault == 2:
            del part[at:at + length]
        elif fault == 3:
            part[at:at] = part[at:at + length]
        elif fault == 4:
            part[at:at] = chance.choice(TELLING)
        elif fault == 5 and chance.random() < 0.2:
            del part[at:]
        else:
            numbers = list(re.finditer(rb"[0-9]+", text))
            if numbers:
                one = chance.choice(numbers)
                text[one.start():one.end()] = chance.choice(NUMBERS).encode()
    length = len(text) if chance.random() < 0.9 else max(0, header + chance.randint(-2, 2))
    return struct.pack("<Q", length) + bytes(text) + bytes(data)


def peer_verdict(content):
    try:
        safetensors.deserialize(content)
        return "ok"
    except Exception as error:  # the peer throws several kinds
        return str(error)


class Ours:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.file = pathlib.Path(tempfile.mkdtemp(dir="/dev/shm" if pathlib.Path("/dev/shm").is_dir() else None)) / "f"

    def verdict(self, content):
        self.file.write_bytes(content)
        self.process.stdin.write(f"{self.file}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.file.unlink(missing_ok=True)
        self.file.parent.rmdir()


def general(reason):
    """A reason without its numbers and names."""
    return re.sub(r'"(\\.|[^"\\])*"(\.\.\.)?', "...", re.sub(r"\d+", "N", reason))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verdicts", required=True)
    parser.add_argument("--files", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chance, ours = random.Random(arguments.seed), Ours(arguments.verdicts)
    refused, counts, differences = 0, collections.Counter(), {}
    for _ in range(arguments.files):
        content = valid(chance)
        verdicts = ours.verdict(content), peer_verdict(content)
        if verdicts != ("ok", "ok"):
            refused += 1
            print(f"a valid file is refused: ours {verdicts[0]}; peer {verdicts[1]}; {content!r}")
        content = damaged(content, chance)
        mine, theirs = ours.verdict(content), peer_verdict(content)
        counts[mine == "ok", theirs == "ok"] += 1
        if (mine == "ok") != (theirs == "ok"):
            who = "accrete alone refuses" if theirs == "ok" else "the peer alone refuses"
            differences.setdefault((who, general(mine if theirs == "ok" else theirs)), []).append((mine, theirs, content))
    ours.close()
    print(f"safetensors {safetensors.__version__}, {arguments.files} valid files: {refused} refused by one of the two")
    print(f"{arguments.files} damaged files: both accept {counts[True, True]}, both refuse {counts[False, False]}, "
          f"accrete alone refuses {counts[False, True]}, the peer alone refuses {counts[True, False]}")
    for (who, reason), cases in sorted(differences.items(), key=lambda item: -len(item[1])):
        print(f"{len(cases):6d} {who}: {reason}\n       such as: ours {cases[0][0]}; peer {cases[0][1]}; {cases[0][2][:200]!r}")


if __name__ == "__main__":
    main()
