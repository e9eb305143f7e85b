"""Writes the demo's files: images, masks, a truth manifest, a broken one, and predictions that are good, not perfect.

The truth holds the oddities of real manifests that are valid all the same, so that the demo shows how lvtools takes
them; `broken.manifest` holds real faults.
"""

from __future__ import annotations

import base64
import json
import os
import re
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lvtools.atomic import write_atomically
from lvtools.demo import boards
from lvtools.demo.boards import CLASSES, UInt8Array
from lvtools.errors import ArgumentError, ObjectError
from lvtools.images import encode_jpeg, encode_png

BUCKET = "s3://lvtools-demo"
COLOR_MAP: Mapping[str, int] = {"BACKGROUND": 0xFFFFFF, "scratch": 0x2CA02C, "dent": 0x1F77B4, "missing": 0xFF7F0E}
MARKER = ".lvtools-demo.json"  # says: this folder is ours, it may be written again
MIN_IMAGES, MAX_IMAGES = 16, 9000  # below, the planned faults do not fit; above, the four-digit names end
_OWN_FILE = re.compile(r"\d{4}\.(jpg|png)\Z")
_PALETTE = np.array([[color >> 16, color >> 8 & 255, color & 255] for color in COLOR_MAP.values()], np.uint8)


class DemoData(NamedTuple):
    """Where the demo's files lie."""

    folder: Path
    truth: Path  # the manifest, in Ground Truth / Lookout for Vision segmentation form
    broken: Path  # a manifest full of faults
    predictions: Path  # saved DetectAnomalies answers, JSON Lines
    predictions_csv: Path  # the same decisions as image,class,score
    images: tuple[Path, ...]
    masks: tuple[Path, ...]
    color_map: Mapping[str, int]


class _Plan(NamedTuple):
    """What is drawn for one image, and what the pretended model says about it."""

    name: str
    faults: tuple[int, ...]
    verdict: bool


def make_demo_data(folder: str | os.PathLike[str], *, seed: int = 7, images: int = 70) -> DemoData:
    """Draw the demo data set into a folder.

    Parameters
    ----------
    folder : path
        New or empty, or one that this function filled before: then its files are replaced, others stay untouched.
    seed : int
        The same seed gives the same bytes, with the same versions of NumPy and OpenCV.
    images : int
        How many labelled images, three in seven anomalous; 70 fill the quotas of 20 normal and 10 anomalous. One more
        image is unlabeled.

    Returns
    -------
    DemoData
        The paths.

    Raises
    ------
    ObjectError
        The folder holds files that are not ours, or cannot be written.
    ArgumentError
        `images` or `seed` is out of range.
    """
    if not MIN_IMAGES <= images <= MAX_IMAGES:
        raise ArgumentError(f"images={images} is outside {MIN_IMAGES}..{MAX_IMAGES}")
    if seed < 0:
        raise ArgumentError(f"seed={seed} must not be negative")
    root = _claim(Path(folder), seed, images)
    plans = _plan(seed, images)
    _drop_stale(root / "images", {plan.name for plan in plans})
    _drop_stale(root / "masks", {Path(plan.name).with_suffix(".png").name for plan in plans if plan.faults})
    image_paths, mask_paths, truth, answers, table = [], [], [], [], ["image,class,score"]
    for number, plan in enumerate(plans):
        rng = np.random.default_rng([seed, number])
        rgb, mask = boards.draw_board(rng, plan.faults)
        path = root / "images" / plan.name
        write_atomically(path, encode_png(rgb) if path.suffix == ".png" else encode_jpeg(rgb, 90))
        image_paths.append(path)
        if plan.faults:
            path = root / "masks" / Path(plan.name).with_suffix(".png")
            write_atomically(path, rgb_png(_PALETTE[mask]) if number % 5 == 0 else palette_png(mask))
            mask_paths.append(path)
        truth.append(_truth_entry(number, plan, unlabeled=number == images))
        score, predicted = _predict(plan, mask, rng)
        answers.append(_answer(f"{BUCKET}/images/{plan.name}", plan.verdict, score, predicted))
        table.append(f"images/{plan.name},{'anomaly' if plan.verdict else 'normal'},{score:.4f}")
    _add_oddities(truth, plans)
    absent = next(number for number, plan in enumerate(plans) if not plan.faults)  # one image was never predicted ...
    for rows, header in ((answers, 0), (table, 1)):
        del rows[absent + header]
    rng = np.random.default_rng([seed, images + 1])  # ... and one prediction belongs to no image
    answers.append(_answer(f"{BUCKET}/images/9999.jpg", True, 0.8125, boards.false_alarm(rng)))
    table.append("images/9999.jpg,anomaly,0.8125")
    data = DemoData(
        root,
        root / "truth.manifest",
        root / "broken.manifest",
        root / "predictions.jsonl",
        root / "predictions.csv",
        tuple(image_paths),
        tuple(mask_paths),
        COLOR_MAP,
    )
    lines = [_line(entry) for entry in truth]
    write_atomically(data.truth, "".join([*lines, lines[11]]).encode())  # somebody pasted line 12 twice
    write_atomically(data.broken, _broken(truth, plans))
    write_atomically(data.predictions, "".join(map(_line, answers)).encode())
    write_atomically(data.predictions_csv, ("\n".join(table) + "\n").encode())
    return data


def palette_png(mask: UInt8Array) -> bytes:
    """A class-index mask as Ground Truth writes it: 8-bit palette; index k has the colour of key k, others white."""
    palette = np.full((256, 3), 255, np.uint8)
    palette[: len(_PALETTE)] = _PALETTE
    return _png(mask[:, :, None], 3, palette.tobytes())


def rgb_png(rgb: UInt8Array) -> bytes:
    """A picture as DetectAnomalies sends its mask: colour type 2, 8 bits; IHDR, one IDAT, IEND and no other chunk."""
    return _png(rgb, 2)


def _png(samples: UInt8Array, color_type: int, palette: bytes = b"") -> bytes:
    # OpenCV splits IDAT and cannot write palettes; the demo's masks should look like the services' own.
    height, width, channels = samples.shape
    rows = np.zeros((height, 1 + width * channels), np.uint8)  # filter 0 in front of every row
    rows[:, 1:] = samples.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, color_type, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
        if body or kind != b"PLTE"
    )


def _claim(root: Path, seed: int, images: int) -> Path:
    """Make the folder ours, or refuse; the marker goes first, so that an interrupted run can be repeated."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        if not (root / MARKER).is_file() and any(root.iterdir()):
            raise ObjectError(
                "the folder is not empty, and its content is not the demo's", path=str(root), hint="name a new folder"
            )
        write_atomically(root / MARKER, _line({"lvtools_demo": 1, "seed": seed, "images": images}).encode())
        for name in ("images", "masks"):
            (root / name).mkdir(exist_ok=True)
    except FileExistsError:
        raise ObjectError(
            "a file stands where the folder should be", path=str(root), hint="name a new folder"
        ) from None
    except PermissionError:
        raise ObjectError("no permission to write here", path=str(root)) from None
    return root


def _drop_stale(folder: Path, names: set[str]) -> None:
    """Remove pictures of an earlier run with other images; nothing but what this module names so itself."""
    if folder.is_symlink():
        return
    for path in folder.iterdir():
        if _OWN_FILE.match(path.name) and path.name not in names and path.is_file() and not path.is_symlink():
            path.unlink()


def _plan(seed: int, images: int) -> list[_Plan]:
    """Who is anomalous with which faults, and where the model errs: a tenth missed, a twentieth false alarms."""
    rng = np.random.default_rng([seed, 1_000_000])
    anomalous = set(rng.permutation(images)[: images * 3 // 7].tolist())
    missed = set(rng.permutation(sorted(anomalous))[: max(1, len(anomalous) // 10)].tolist())
    normal = [number for number in range(images) if number not in anomalous]
    alarms = set(rng.permutation(normal[1:])[: max(1, len(normal) // 20)].tolist())
    plans, turn = [], 0
    for number in range(images + 1):
        name = f"{number + 1:04d}.{'png' if number % 3 == 2 else 'jpg'}"
        faults: tuple[int, ...] = ()
        if number in anomalous:
            faults = (turn % 3 + 1, *([(turn + 1) % 3 + 1] if turn % 4 == 3 else []))
            turn += 1
        plans.append(_Plan(name, faults, number in alarms or (number in anomalous and number not in missed)))
    return plans


def _predict(plan: _Plan, mask: UInt8Array, rng: np.random.Generator) -> tuple[float, UInt8Array]:
    """Score and mask of the pretended model; its threshold is 0.5."""
    if plan.faults:
        score = 0.5 + 0.5 * rng.beta(4, 1.6) if plan.verdict else rng.uniform(0.18, 0.47)
        # A missed anomaly sometimes still leaves a trace in the mask: the service decided both independently.
        keep = plan.verdict or rng.random() < 0.4
        return round(float(score), 6), boards.distort(mask, rng) if keep else np.zeros_like(mask)
    score = rng.uniform(0.52, 0.74) if plan.verdict else 0.48 * rng.beta(1.6, 4)
    return round(float(score), 6), boards.false_alarm(rng) if plan.verdict else np.zeros_like(mask)


def _answer(ref: str, verdict: bool, score: float, mask: UInt8Array) -> dict[str, Any]:
    """A DetectAnomalies answer as it was saved; areas are fractions in single precision, as the service sent them."""
    counts = np.bincount(mask.ravel(), minlength=len(CLASSES))
    anomalies = [
        {
            "Name": "background" if index == 0 else name,
            "PixelAnomaly": {
                "TotalPercentageArea": float(np.float32(counts[index] / mask.size)),
                "Color": f"#{COLOR_MAP[name]:06X}",
            },
        }
        for index, name in enumerate(CLASSES)
        if index == 0 or counts[index]
    ]
    confidence = float(np.float32(score if verdict else 1 - score))  # of the decision made, not of being anomalous
    return {
        "source-ref": ref,
        "DetectAnomalyResult": {
            "Source": {"Type": "direct"},
            "IsAnomalous": verdict,
            "Confidence": confidence,
            "Anomalies": anomalies,
            "AnomalyMask": base64.b64encode(rgb_png(_PALETTE[mask])).decode(),
        },
    }


def _truth_entry(number: int, plan: _Plan, *, unlabeled: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {"source-ref": f"{BUCKET}/images/{plan.name}"}
    if unlabeled:
        return entry
    day, minute = 1 + number // 24, number % 24
    common = {"human-annotated": "yes", "creation-date": f"2025-06-{day % 28 + 1:02d}T09:{minute:02d}:00.000000"}
    entry["anomaly-label"] = int(bool(plan.faults))
    entry["anomaly-label-metadata"] = {
        "class-name": "anomaly" if plan.faults else "normal",
        "confidence": 1.0,
        "type": "groundtruth/image-classification",
        **common,
        "job-name": "labeling-job/boards",
    }
    if plan.faults:
        entry["anomaly-mask-ref"] = f"{BUCKET}/masks/{Path(plan.name).with_suffix('.png').name}"
        entry["anomaly-mask-ref-metadata"] = {
            "internal-color-map": {
                str(index): {"class-name": name, "hex-color": f"#{COLOR_MAP[name]:06x}", "confidence": 0.0}
                for index, name in enumerate(CLASSES)
            },
            "type": "groundtruth/semantic-segmentation",
            **common,
            "job-name": "labeling-job/boards-masks",
        }
    return entry


def _add_oddities(truth: list[dict[str, Any]], plans: list[_Plan]) -> None:
    """What real manifests hold and the services took: nothing here is a fault."""
    anomalous = [number for number, plan in enumerate(plans) if plan.faults]
    normal = [number for number, plan in enumerate(plans[:-1]) if not plan.faults]
    truth[anomalous[1]]["anomaly-label-metadata"]["class-name"] = "Anomaly"  # the console wrote capitals
    truth[normal[1]]["anomaly-label-metadata"]["confidence"] = 1  # an integer, as humans' labels often have
    javascript = "Mon Jun 02 2025 09:04:00 GMT+0000 (Coordinated Universal Time)"
    truth[anomalous[2]]["anomaly-mask-ref-metadata"]["creation-date"] = javascript
    for entry in truth[anomalous[3]]["anomaly-mask-ref-metadata"]["internal-color-map"].values():
        del entry["confidence"]  # as in AWS's own sample data
    for entry in truth[anomalous[4]]["anomaly-mask-ref-metadata"]["internal-color-map"].values():
        entry["confidence"] = 0


def _broken(truth: list[dict[str, Any]], plans: list[_Plan]) -> bytes:
    """Eight lines, six of them with a fault that was met in somebody's manifest."""
    anomalous = [number for number, plan in enumerate(plans) if plan.faults][5:]
    normal = [number for number, plan in enumerate(plans[:-1]) if not plan.faults][2:]

    def copy(number: int) -> dict[str, Any]:
        entry: dict[str, Any] = json.loads(_line(truth[number]))
        return entry

    doubled, nameless, colourless, bare = copy(normal[0]), copy(normal[1]), copy(anomalous[0]), copy(normal[2])
    doubled["source-ref"] = "s3://" + doubled["source-ref"]
    del nameless["anomaly-label-metadata"]["class-name"]
    colourless["anomaly-mask-ref-metadata"]["internal-color-map"]["1"]["hex-color"] = "green"
    del bare["anomaly-label-metadata"]
    lines = [_line(copy(normal[3])), _line(doubled), f"{copy(normal[4])}\n", _line(nameless), _line(colourless)]
    lines += [_line(bare), _line(copy(normal[5])), _line(copy(normal[6]))[:150]]  # the upload broke off here
    return "".join(lines).encode()


def _line(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry, separators=(",", ":"), ensure_ascii=False) + "\n"
