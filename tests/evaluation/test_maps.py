"""AUPRO of an evaluation: maps beside the predictions, against `lv.aupro` of the same arrays."""

import io
import math
import struct

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lvtools as lv
from lvtools.cli import main
from lvtools.errors import ArgumentError, FormatError, ObjectError
from lvtools.images import decode_levels
from tests.evaluation.test_evaluate import P, T, answer, jsonl, png, truth_line


def npy(array):
    stream = io.BytesIO()
    np.save(stream, np.asarray(array))
    return stream.getvalue()


def encoded(array, ending):
    return cv2.imencode(ending, np.asarray(array))[1].tobytes()


@pytest.fixture
def case(tmp_path):
    """One image per (class, true index or None, map's bytes or None); the members are called 'heat'."""

    def run(images, *, inline=False, **options):
        truth, answers = [], []
        for n, (cls, index, data) in enumerate(images):
            if index is not None:
                (tmp_path / f"{n}.png").write_bytes(index if isinstance(index, bytes) else png(index))
            truth.append(truth_line(f"{n}.jpg", cls, None if index is None else f"{n}.png"))
            answers.append(answer(f"{n}.jpg", cls == "anomaly", mask=png(P) if inline else None))
            if data is not None:
                (tmp_path / f"{n}.map").write_bytes(data)
                answers[-1]["heat"] = f"{n}.map"
        (tmp_path / "truth.manifest").write_bytes(jsonl(*truth))
        (tmp_path / "answers.jsonl").write_bytes(jsonl(*answers))
        return lv.evaluate(tmp_path / "truth.manifest", tmp_path / "answers.jsonl", maps="heat", **options)

    return run


def levels(shape):
    flat = st.lists(st.integers(0, 5), min_size=math.prod(shape), max_size=math.prod(shape))
    return flat.map(lambda values: np.array(values).reshape(shape))


FORMS = st.sampled_from([
    lambda a: npy(a.astype(np.float32)),
    lambda a: npy(np.asfortranarray(a.astype(np.float64))),
    lambda a: npy(a),
    lambda a: encoded(a.astype(np.uint16) * 1000, ".png"),
    lambda a: encoded(a.astype(np.uint8), ".png"),
    lambda a: encoded(a.astype(np.float32), ".tiff"),
])  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.booleans(), levels((2, 4)), levels((2, 4))), min_size=1, max_size=5), FORMS, st.booleans())
def test_aupro_is_that_of_the_maps(tmp_path_factory, drawn, form, inline):
    folder = tmp_path_factory.mktemp("maps")
    masks = [np.clip(index - 3, 0, 2) if anomalous else np.zeros((2, 4), int) for anomalous, index, _ in drawn]
    images = [
        ("anomaly" if anomalous else "normal", mask if anomalous else None, form(scores))
        for (anomalous, _, scores), mask in zip(drawn, masks, strict=True)
    ]
    result = case.__wrapped__(folder)(images, inline=inline)
    wanted = lv.aupro([scores.astype(float) for _, _, scores in drawn], masks)
    assert result.maps.images == len(drawn)
    assert result.maps.aupro == pytest.approx(wanted, nan_ok=True, abs=1e-12)
    assert "LV413" not in result.findings["code"].to_pylist()
    part = result.to_dict()["maps"]
    assert part == {"aupro": None if math.isnan(wanted) else result.maps.aupro, "fpr_limit": 0.3, "images": len(drawn)}
    assert f"Score maps of {len(drawn)} images" in str(result)


def test_what_cannot_be_used_is_left_out_and_said(case):
    score = np.where(T > 0, 1.0, 0.0)
    good = ("anomaly", T, npy(score))
    broken_mask = png(T)[:40]
    result = case([
        good,
        ("anomaly", T, None),
        ("anomaly", T, b"no map"),
        ("anomaly", T, npy(score[:, :3])),
        ("anomaly", None, npy(score)),
        ("anomaly", broken_mask, npy(score)),
        ("normal", None, npy(np.where(score, np.nan, 0))),
        ("normal", None, npy(score * 0)),
    ])  # fmt: skip
    assert result.maps == (1.0, 0.3, 2)
    found = result.findings.filter(np.array([code == "LV413" for code in result.findings["code"].to_pylist()]))
    assert found["line"].to_pylist() == [2, 3, 4, 5, 6, 7]
    words = found["value"].to_pylist()
    assert words[0] == "1.jpg has no score map"
    assert words[2] == "the score map 3.map has 2 x 3 pixels (rows x columns), the true mask 2 x 4"
    assert "no mask in the truth" in words[3]
    assert "cannot be read" in words[4]
    assert "NaN" in words[5]
    assert result.pixel is None


def test_a_column_that_is_not_there(case, tmp_path, capsys):
    with pytest.raises(ArgumentError, match="no column or member 'heat'"):
        case([("anomaly", T, None)])
    score = npy(np.where(T > 0, 1.0, 0.0))
    case([("anomaly", T, score), ("normal", None, score)])
    page = tmp_path / "page.html"
    files = [str(tmp_path / name) for name in ("truth.manifest", "answers.jsonl")]
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", *files, "--maps", "heat", "--html", str(page)])
    assert stop.value.code == 0
    assert "AUPRO up to a false positive rate of 0.3" in capsys.readouterr().out
    assert "AUPRO" in page.read_text()
    assert lv.evaluate(*files).maps is None


HUGE = (
    b"\x93NUMPY\x01\x00\x76\x00"
    + b"{'descr': '|u1', 'fortran_order': False, 'shape': (99999, 99999), }".ljust(117)
    + b"\n"
)
TIFF = struct.pack("<2sHI H HHII HHII I", b"II", 42, 8, 2, 256, 4, 1, 60000, 257, 4, 1, 60000, 0)


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (npy(np.zeros((2, 2)))[:-1], FormatError, "NumPy file cannot be read"),
        (npy(np.zeros((2, 2)))[:20], FormatError, "NumPy file cannot be read"),
        (HUGE, FormatError, "bytes follow"),
        (npy(np.zeros((2, 2, 3))), FormatError, "one number per pixel"),
        (npy(np.zeros((0, 2))), FormatError, "one number per pixel"),
        (npy(np.array([["a"]])), FormatError, "one number per pixel"),
        (npy(np.array([[True]])), FormatError, "one number per pixel"),
        (npy([[math.nan]]), FormatError, "NaN"),
        (encoded(np.zeros((2, 2, 3), np.uint8), ".png"), FormatError, "one number per pixel"),
        (TIFF, ObjectError, "60000 x 60000 pixels"),
        (TIFF[:9], FormatError, "TIFF header"),
        (encoded(np.ones((3, 3), np.float32), ".tiff")[:30], FormatError, "TIFF"),
        (b"", FormatError, "no bytes"),
    ],
)
def test_maps_that_are_none(data, error, words):
    with pytest.raises(error, match=words):
        decode_levels(data)


def test_objects_in_a_numpy_file_are_never_unpickled():
    array = np.array([[{"a": 1}]], dtype=object)
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    with pytest.raises(FormatError, match="NumPy file cannot be read"):
        decode_levels(stream.getvalue())


def test_too_many_pixels():
    with pytest.raises(ObjectError, match="9 pixels are allowed"):
        decode_levels(npy(np.zeros((2, 5))), max_pixels=9)
