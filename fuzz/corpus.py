"""Seeds for the C targets: python -m fuzz.corpus FOLDER [COUNT] writes FOLDER/masks and FOLDER/manifests."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.manifest.lines import Maker, spoil
from tests.masks.fuzz_runs import broken, mask

KINDS = ("class", "mask", "boxes", "none", "both", "two")


def write_corpus(folder: Path, count: int) -> tuple[list[Path], list[Path]]:
    """`count` masks, every fourth one damaged, and `count` manifests of a few lines, every second one spoiled."""
    masks, manifests = [], []
    for place in ("masks", "manifests"):
        (folder / place).mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        data, _ = broken(seed) if seed % 4 == 3 else mask(seed, small=True)
        masks.append(folder / "masks" / f"{seed:04d}.png")
        masks[-1].write_bytes(data)
        maker = Maker(seed, odd=0.1 * (seed % 3))
        lines = maker.file(2 + seed % 9, KINDS, shuffled=seed % 3 == 1, spaced=seed % 5 == 2)
        if seed % 2:
            lines = [spoil(line, maker.random) for line in lines]
        manifests.append(folder / "manifests" / f"{seed:04d}.manifest")
        manifests[-1].write_bytes(bytes([seed % 16, 255 - seed % 3]) + b"".join(lines))
    return masks, manifests


if __name__ == "__main__":
    found = write_corpus(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 200)
    print(f"{len(found[0])} masks and {len(found[1])} manifests in {sys.argv[1]}")
