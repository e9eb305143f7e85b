"""Peak memory of `lvtools evaluate` for 1,000, 10,000 and 100,000 masks: each run a process of its own.

Two cases: predicted masks by reference, and inline as base64. The masks of the truth are always files. A few different
pictures stand behind all the names, through hard links, so that the disk is not what is measured. What a hundred
thousand images cost beyond ten thousand, divided by the difference, are the bytes that are kept of an image.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import orjson

from lvtools.masks import write_mask

SIZES = tuple(map(int, os.environ.get("LVTOOLS_BENCH_IMAGES", "1000,10000,100000").split(",")))
SIDE = int(os.environ.get("LVTOOLS_BENCH_SIDE", "128"))
CASES = os.environ.get("LVTOOLS_BENCH_CASES", "by reference,inline").split(",")
PICTURES = 16  # file systems allow some 65,000 names for a file
COLORS = {"background": "#ffffff", "dent": "#23a436", "scratch": "#1f77b4"}

# VmHWM belongs to the program that runs; ru_maxrss would be handed down by the process that started it.
CHILD = """
import sys
from lvtools.cli import main
try:
    main(sys.argv[1:])
finally:
    with open("/proc/self/status") as lines:
        print(next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")), file=sys.stderr)
"""


def run() -> None:
    """Both cases, every number of images."""
    if not os.path.exists("/proc/self/status"):
        sys.exit("evaluate_memory: peak memory is read from /proc, which this system has not")
    for case in CASES:
        peaks: dict[int, int] = {}
        for images in SIZES:
            with tempfile.TemporaryDirectory(prefix="lvtools-bench-") as folder:
                start = time.perf_counter()
                peaks[images], said = _measured(make(Path(folder), images, inline=case == "inline"))
                took = time.perf_counter() - start
            if f"{images:,} images compared" not in said or f"Pixels of {images:,} images" not in said:
                sys.exit(f"evaluate_memory: not all of {images:,} images were compared\n{said[:2000]}")
            report = {"bench": "evaluate_memory", "case": case, "images": images, "peak_kb": peaks[images]}
            print(orjson.dumps({**report, "seconds": round(took, 1)}).decode(), flush=True)
        ordered = sorted(peaks)
        if len(ordered) > 1:
            few, many = ordered[-2:]
            each = (peaks[many] - peaks[few]) * 1024 / (many - few)
            report = {"bench": "evaluate_memory", "case": case, "from": few, "to": many, "bytes_per_image": round(each)}
            print(orjson.dumps(report).decode(), flush=True)


def make(folder: Path, images: int, *, inline: bool) -> tuple[Path, Path]:
    """A truth manifest and answers for it; every image has masks on both sides."""
    random = np.random.default_rng(5)
    names = [name for name in COLORS if name != "background"]
    pictures = [(folder / f"truth-{k}.png", folder / f"answer-{k}.png") for k in range(PICTURES)]
    for pair in pictures:
        index = _blobs(random)
        for path, shifted in zip(pair, (index, np.roll(index, 3, 1)), strict=True):
            write_mask(shifted, path, colors=COLORS)
    encoded = [base64.b64encode(answer.read_bytes()).decode() for _, answer in pictures]
    for side in ("truth", "answers"):
        for part in range(0, images, 1000):  # a folder of a hundred thousand names is slow
            (folder / side / f"{part // 1000:03}").mkdir(parents=True)
    with (folder / "truth.manifest").open("wb") as truth, (folder / "answers.jsonl").open("wb") as answers:
        for at in range(images):
            image, name = f"s3://parts/line-a/{at:07}.jpg", f"{at // 1000:03}/{at:07}.png"
            os.link(pictures[at % PICTURES][0], folder / "truth" / name)
            truth.write(orjson.dumps(_truth_line(image, f"truth/{name}"), option=orjson.OPT_APPEND_NEWLINE))
            mask = encoded[at % PICTURES]
            if not inline:
                mask = f"answers/{name}"
                os.link(pictures[at % PICTURES][1], folder / mask)
            line = _answer_line(image, mask, names, random.random())
            answers.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
    return folder / "truth.manifest", folder / "answers.jsonl"


def _blobs(random: np.random.Generator) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """A class index with a few discs."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    index = np.zeros((SIDE, SIDE), np.uint8)
    for number in (1, 2, 1):
        row, column = random.integers(8, SIDE - 8, 2).tolist()
        radius = int(random.integers(3, SIDE // 6))
        index[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = number
    return index


def _truth_line(image: str, mask: str) -> dict[str, object]:
    when = "2024-05-06T07:08:09.101112"
    base = {"human-annotated": "yes", "creation-date": when, "job-name": "labeling-job/parts"}
    colors = {
        str(at): {"class-name": name.upper() if not at else name, "hex-color": color, "confidence": 0.0}
        for at, (name, color) in enumerate(COLORS.items())
    }
    return {
        "source-ref": image,
        "anomaly-label": 1,
        "anomaly-label-metadata": {
            "class-name": "anomaly", "confidence": 0.0, "type": "groundtruth/image-classification", **base,
        },
        "anomaly-mask-ref": mask,
        "anomaly-mask-ref-metadata": {
            "internal-color-map": colors, "type": "groundtruth/semantic-segmentation", **base,
        },
    }  # fmt: skip


def _answer_line(image: str, mask: str, names: list[str], score: float) -> dict[str, object]:
    anomalies = [
        {"Name": name, "PixelAnomaly": {"TotalPercentageArea": 0.01, "Color": COLORS[name].upper()}} for name in names
    ]
    background = {"Name": "background", "PixelAnomaly": {"TotalPercentageArea": 0.98, "Color": "#FFFFFF"}}
    answer = {
        "Source": {"Type": "direct"},
        "IsAnomalous": score >= 0.2,
        "Confidence": max(score, 1 - score) if score >= 0.5 or score < 0.2 else 0.5,
        "Anomalies": [background, *anomalies],
        "AnomalyMask": mask,
    }
    return {"source-ref": image, "DetectAnomalyResult": answer}


def _measured(sides: tuple[Path, Path]) -> tuple[int, str]:
    """Peak resident memory of an evaluation in kB, and what it printed."""
    truth, answers = map(str, sides)
    found = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", CHILD, "evaluate", truth, answers], capture_output=True, text=True, check=False
    )
    if found.returncode not in (0, 1):
        sys.exit(f"evaluate_memory: lvtools evaluate failed\n{found.stderr[-2000:]}")
    return int(found.stderr.strip().splitlines()[-1]), found.stdout


if __name__ == "__main__":
    run()
