#!/usr/bin/env python3
"""Takes the glyphs back out of a substrate's table.

    substrate_reconstruction.py SUBSTRATE.safetensors [--rows N] [--seed S]

For a table with as many components as bits, row = s (bits - mean) V with V orthogonal and one unknown s > 0 a row, so
that mean + (row V^T) / s must be 0 or 1 in every place. Prints how far V is from orthogonal, and how far the worst of these
numbers is from a bit. Exit code 1 if any row is not made of bits. Needs NumPy.
"""
import argparse
import json
import struct
import sys

import numpy as np

TYPES = {"F32": "<f4", "F64": "<f8"}


def open_tensors(path):
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))

    def tensor(name):
        if name not in header:
            sys.exit(f"{path}: no tensor {name}: only substrates of glyphs keep their basis")
        info = header[name]
        return np.memmap(path, mode="r", dtype=TYPES[info["dtype"]], offset=8 + size + info["data_offsets"][0],
                         shape=tuple(info["shape"]))

    return tensor


def distance_from_bits(mean, direction):
    """The least over the possible scales: the bit of the longest step is either 0 or 1."""
    longest = np.argmax(np.abs(direction))
    distances = []
    for bit in (0, 1):
        scale = (bit - mean[longest]) / direction[longest]
        if scale > 0:
            distances.append(np.abs(np.abs(mean + scale * direction - 0.5) - 0.5).max())
    return min(distances)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("substrate")
    arguments.add_argument("--rows", type=int, default=4096)
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()

    tensor = open_tensors(options.substrate)
    table, mean = tensor("table"), np.array(tensor("mean"))
    components = np.array(tensor("components"))
    if components.shape[0] != components.shape[1]:
        sys.exit(f"{options.substrate}: {components.shape[0]} components of {components.shape[1]} bits: some are missing")
    print("greatest difference of V V^T from the identity:",
          np.abs(components @ components.T - np.eye(len(components))).max())

    chosen = np.sort(np.random.default_rng(options.seed).choice(len(table), min(options.rows, len(table)), replace=False))
    directions = np.array(table[chosen], dtype=np.float64) @ components.T
    distances = np.array([distance_from_bits(mean, direction) for direction in directions])
    print(f"{len(chosen)} rows of {table.shape}: farthest from a bit: {distances.max()}")
    sys.exit(0 if distances.max() < 1e-3 else 1)


if __name__ == "__main__":
    main()
