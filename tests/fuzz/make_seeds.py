"""Writes the seeds of binary formats below seeds/: python3 make_seeds.py. The others are written by hand."""
import hashlib
import json
import pathlib
import struct

seeds = pathlib.Path(__file__).parent / "seeds"


def safetensors(name, tensors, metadata=None, folder="safetensors", hashes=False):
    """tensors: name -> (dtype, shape, bytes)."""
    header, offset = {}, 0
    if metadata is not None or hashes:
        header["__metadata__"] = dict(metadata or {})
    for key, (dtype, shape, data) in tensors.items():
        header[key] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)

    def text_of(value):
        if hashes:
            header["__metadata__"]["accrete_sha256"] = value
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        text += b" " * (-len(text) % 8)
        return struct.pack("<Q", len(text)) + text

    of_tensors = "".join(" " + hashlib.sha256(data).hexdigest() for _, _, data in tensors.values())
    of_header = hashlib.sha256(text_of("0" * 64 + of_tensors)).hexdigest()
    content = text_of(of_header + of_tensors) + b"".join(data for _, _, data in tensors.values())
    (seeds / folder / name).write_bytes(content)


def substrate(name, basis):
    specials, texts = ["<s>"], ["a", "b", "ab", "Ω"]
    merges = [1, 2]
    vocabulary = {"format": "accrete-vocabulary", "version": 1,
                  "tokens": [{"special": s} for s in specials] + texts, "merges": merges}
    table = struct.pack("<10f", 0, 0.5, -1, 0.25, 3, 4, -0.0, 1e-7, 7, 8)
    canonical = b"accrete vocabulary 1\n" + struct.pack("<Q", len(specials) + len(texts))
    for kind, spellings in ((2, specials), (0, texts)):
        for spelling in spellings:
            canonical += struct.pack("<BI", kind, len(spelling.encode())) + spelling.encode()
    canonical += struct.pack("<QII", 1, *merges)
    fingerprint = hashlib.sha256(b"accrete substrate 1\n" + canonical + struct.pack("<Q", 2) + table).hexdigest()
    provenance = '{"kind":"by hand"}'
    ancestors = '[{"fingerprint":"0123","vocabulary_size":2},{"fingerprint":"4567","vocabulary_size":4}]'
    text = json.dumps(vocabulary, separators=(",", ":"), ensure_ascii=False).encode()
    tensors, of_basis = {}, b""
    if basis:
        mean, components, variances = struct.pack("<3d", 0.5, 0.25, 1), struct.pack("<6d", 1, 0, 0, 1, 0, 0), struct.pack("<2d", 2.5, 1.5)
        tensors = {"components": ("F64", [3, 2], components), "mean": ("F64", [3], mean), "variances": ("F64", [2], variances)}
        of_basis = mean + components + variances
    tensors |= {"table": ("F32", [5, 2], table), "vocabulary": ("U8", [len(text)], text)}
    checksum = hashlib.sha256(f"{provenance}\n{ancestors}\n".encode() + of_basis).hexdigest()
    for version, hashes in (("1", False), ("2", True)):
        safetensors(f"{name}-version-{version}", tensors,
                    {"format": "accrete-substrate", "version": version, "fingerprint": fingerprint,
                     "provenance": provenance, "ancestors": ancestors, "checksum": checksum},
                    "substrate", hashes)


def unchecked_substrate(name, tokens, merges=(), table=("F32", [2, 1], bytes(8)), provenance="{}", more=None):
    """Without any hash: what a reader finds behind them."""
    vocabulary = {"format": "accrete-vocabulary", "version": 1, "tokens": tokens, "merges": list(merges)}
    text = json.dumps(vocabulary, separators=(",", ":"), ensure_ascii=False).encode()
    tensors = (more or {}) | {"table": table, "vocabulary": ("U8", [len(text)], text)}
    safetensors(name, tensors, {"format": "accrete-substrate", "version": "1", "fingerprint": "",
                                "provenance": provenance, "ancestors": "[]", "checksum": ""}, "substrate")


def token_shard(name, size, ids, fingerprint):
    wide = size > 65536
    content = b"accrtoks" + struct.pack("<IIQII", 1, 4 if wide else 2, size, len(fingerprint), 0)
    content += fingerprint + b"\0" * (-len(fingerprint) % 8)
    content += struct.pack(f"<{len(ids)}{'I' if wide else 'H'}", *ids) + struct.pack("<Q", len(ids))
    (seeds / "token_shard" / name).write_bytes(content)


safetensors("empty", {})
safetensors("all-dtypes", {f"t{i}": (dtype, [2], bytes(size * 2)) for i, (dtype, size) in enumerate(
    [("F64", 8), ("F32", 4), ("BF16", 2), ("F16", 2), ("I64", 8), ("I32", 4), ("I16", 2), ("I8", 1), ("U8", 1),
     ("U16", 2), ("U32", 4), ("U64", 8), ("BOOL", 1), ("C64", 8), ("F8_E4M3", 1), ("F8_E5M2", 1), ("F8_E8M0", 1)])}
    | {"f4": ("F4", [2, 3], bytes(3)), "f6": ("F6_E2M3", [4], bytes(3))}, {"format": "pt"})
safetensors("shapes", {"scalar": ("F64", [], struct.pack("<d", 0.1)), "none": ("F16", [0, 3], b""),
                       "deep": ("U8", [1] * 8, b"\1"), "ключ": ("BOOL", [3], b"\1\0\1")}, {"ключ": "a \"quoted\"\nvalue"})
safetensors("hashes", {"weight": ("F32", [2, 3], struct.pack("<6f", 1, 2, 3, 4, 5, 6)), "ids": ("I64", [2], struct.pack("<2q", -1, 7))},
            {"step": "12"}, hashes=True)
substrate("plain", False)
substrate("basis", True)
every_byte = [{"byte": i} for i in range(256)]
unchecked_substrate("bytes", every_byte + [{"reserved": "<unused_1>"}], table=("F32", [257, 1], bytes(4 * 257)))
unchecked_substrate("byte-too-large", [{"byte": 256}, "a"])
unchecked_substrate("no-token", [1, "a"])
unchecked_substrate("merge-of-none", ["a", "b"], [-1, 0])
unchecked_substrate("half-a-merge", ["a", "b"], [0])
unchecked_substrate("provenance-of-no-object", ["a", "b"], provenance="[]")
unchecked_substrate("table-of-more-rows", ["a", "b"], table=("F32", [3, 1], bytes(12)))
unchecked_substrate("table-of-other-rank", ["a", "b"], table=("F32", [2], bytes(8)))
unchecked_substrate("basis-that-is-not-finite", ["a", "b"], more={
    "components": ("F64", [1, 1], struct.pack("<d", float("nan"))), "mean": ("F64", [1], bytes(8)), "variances": ("F64", [1], bytes(8))})
token_shard("narrow", 300, [1, 2, 299, 4, 5], b"abc")
token_shard("wide", 65537, [0, 65536, 7], b"f00df00d")
token_shard("empty", 1, [], b"")
