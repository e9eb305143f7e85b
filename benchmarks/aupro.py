"""AUPRO up to a false positive rate of 0.3 over 12 score maps of 512 x 512, against what anomalib and ADEval do."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
import types
from typing import Any

import numpy as np

import lvtools as lv
from benchmarks.bench import compare

IMAGES, SIDE, LIMIT = 12, 512, 0.3


def _scene() -> tuple[np.ndarray, np.ndarray]:
    """Half of the images are normal, the others have one or two round defects; maps are noise, blurred, over the
    defects."""
    import cv2

    rng = np.random.default_rng(0)
    masks = np.zeros((IMAGES, SIDE, SIDE), np.uint8)
    for mask in masks[::2]:
        for _ in range(int(rng.integers(1, 3))):
            center = rng.integers(50, SIDE - 50, 2).tolist()
            cv2.circle(mask, center, int(rng.integers(8, 45)), 1, -1)
    maps = np.stack([cv2.GaussianBlur(rng.normal(size=mask.shape) * 8 + mask, (0, 0), 4) for mask in masks])
    return maps.astype(np.float32), masks


def _labels(masks: np.ndarray) -> np.ndarray:
    import cv2

    labels, total = np.zeros(masks.shape, np.int32), 0
    for at, mask in enumerate(masks):
        many, own = cv2.connectedComponents(mask)
        labels[at] = np.where(own > 0, own + total, 0)
        total += many - 1
    return labels


def _anomalibs_algorithm(maps: np.ndarray, masks: np.ndarray) -> float:
    """As anomalib 2 computes it, from a reading of its code: an ROC by sorting per region, over the region and all
    normal
    pixels, cut at the limit by interpolation, averaged. Left out: resampling to one grid, which makes its answer
    inexact.
    """
    import torch

    score, labels = torch.from_numpy(maps.ravel()), torch.from_numpy(_labels(masks).ravel())
    background = labels == 0
    areas = []
    for label in labels.unique()[1:]:
        here = labels == label
        union = background | here
        value, order = torch.sort(score[union], descending=True)
        hit = here[union][order]
        last = torch.cat([torch.nonzero(torch.diff(value)).ravel(), torch.tensor([len(value) - 1])])
        tps = torch.cumsum(hit, 0)[last]
        fps = last + 1 - tps
        tpr = torch.cat([torch.zeros(1, dtype=torch.float64), tps.double() / tps[-1]])
        fpr = torch.cat([torch.zeros(1, dtype=torch.float64), fps.double() / fps[-1]])
        cut = int(torch.searchsorted(fpr, LIMIT, right=True))
        if cut < len(fpr) and fpr[cut - 1] < LIMIT:
            slope = (tpr[cut] - tpr[cut - 1]) / (fpr[cut] - fpr[cut - 1])
            tpr = torch.cat([tpr[:cut], (tpr[cut - 1] + slope * (LIMIT - fpr[cut - 1])).reshape(1)])
            fpr = torch.cat([fpr[:cut], torch.tensor([LIMIT], dtype=torch.float64)])
        else:
            tpr, fpr = tpr[:cut], fpr[:cut]
        areas.append(float(torch.trapezoid(tpr, fpr)) / LIMIT)
    return float(np.mean(areas))


def _anomalib() -> Any:
    """anomalib's own metric. Its package imports training, data sets and loggers first; the metric needs none of them,
    so where they are not installed its modules are imported without their packages' beginnings.
    """
    try:
        from anomalib.metrics import AUPRO

        return AUPRO
    except ImportError:
        pass
    spec = importlib.util.find_spec("torchmetrics") and importlib.machinery.PathFinder.find_spec("anomalib")
    if not spec or not spec.submodule_search_locations:
        return None
    for name in [name for name in sys.modules if name.split(".")[0] == "anomalib"]:
        del sys.modules[name]
    root = spec.submodule_search_locations[0]
    for name, path in (
        ("anomalib", root),
        ("anomalib.metrics", f"{root}/metrics"),
        ("anomalib.utils", f"{root}/utils"),
    ):
        bare = types.ModuleType(name)
        bare.__path__ = [path]
        sys.modules[name] = bare
    data = types.ModuleType("anomalib.data")
    data.Batch = object  # type: ignore[attr-defined]  # the type of an argument we do not use
    sys.modules["anomalib.data"] = data
    try:
        return importlib.import_module("anomalib.metrics.aupro")._AUPRO
    except (ImportError, AttributeError) as error:
        print(f"anomalib's metric cannot be imported: {error}", file=sys.stderr)
        return None


def _anomalibs_answer(metric: Any, maps: Any, masks: Any) -> float:
    measured = metric(fpr_limit=LIMIT)
    measured.update(maps, masks)
    return float(measured.compute())


def _numpy_exact(maps: np.ndarray, masks: np.ndarray) -> float:
    """One argsort of all pixels, each anomalous one weighted by its region: what a careful user would write."""
    labels = _labels(masks).ravel()
    order = np.argsort(-maps.ravel())
    labels, score = labels[order], maps.ravel()[order]
    areas = np.bincount(labels)
    weight = np.where(labels > 0, 1 / areas[labels], 0) / (len(areas) - 1)
    last = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)
    pro = np.append(0, np.cumsum(weight)[last])
    fpr = np.append(0, np.cumsum(labels == 0)[last] / areas[0])
    cut = int(np.searchsorted(fpr, LIMIT, "right"))
    x = np.append(fpr[:cut], LIMIT)
    y = np.append(pro[:cut], np.interp(LIMIT, fpr[cut - 1 : cut + 1], pro[cut - 1 : cut + 1]))
    return float(np.trapezoid(y, x) / LIMIT)


def run() -> None:
    maps, masks = _scene()
    peers: dict[str, Any] = {"numpy, one argsort": lambda: _numpy_exact(maps, masks)}
    try:
        import torch

        # One thread, as we have; and memory is measured in a fork, where torch's other threads would be missing.
        torch.set_num_threads(1)
        peers["anomalib's algorithm (torch)"] = lambda: _anomalibs_algorithm(maps, masks)
        metric = _anomalib()
        if metric is not None:
            tensors = torch.from_numpy(maps), torch.from_numpy(masks.astype(np.int64))
            peers["anomalib"] = lambda: _anomalibs_answer(metric, *tensors)
    except ImportError:
        pass
    compare(
        f"aupro: {IMAGES} maps of {SIDE} x {SIDE}",
        ours=lambda: lv.aupro(maps, masks, fpr_limit=LIMIT),
        peers=peers,
        items=maps.size,
        unit="pixels",
        rounds=3,
        same=lambda a, b: abs(a - b) < 1e-4,  # anomalib's, which resamples; the tests compare to 1e-12
    )
    try:
        from adeval import EvalAccumulator
    except ImportError:
        return
    if not hasattr(np, "trapz"):
        np.trapz = np.trapezoid  # type: ignore[attr-defined]  # noqa: NPY201 - ADEval 1.1 wants it, NumPy 2.4 dropped it

    def adeval() -> float:
        low, high = float(maps.min()), float(maps.max())
        accumulator = EvalAccumulator(low, high, low, high, nstrips=1000)
        accumulator.add_anomap_batch(maps, masks)
        for one, mask in zip(maps, masks, strict=True):
            accumulator.add_image(float(one.max()), bool(mask.any()))
        return float(accumulator.summary()["p_aupro"])

    compare(
        "aupro: against ADEval's approximation",
        ours=lambda: lv.aupro(maps, masks, fpr_limit=LIMIT),
        peers={"ADEval, 1000 strips": adeval},
        items=maps.size,
        unit="pixels",
        rounds=3,
        same=lambda a, b: abs(a - b) < 1e-3,
    )
