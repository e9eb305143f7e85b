"""Manifest lines and files of every kind, written in every way JSON allows, and ways to spoil them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    NAMES,
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
CLASSES = st.sampled_from(["normal", "anomaly", "Anomaly", " normal", "dog", "Kratzer-ä", "裂纹", ""])
REFS = st.builds("s3://bucket-{}/{}.{}".format, st.integers(1, 2), NAMES.filter(bool), st.sampled_from(["png", "jpg"]))
DATES = st.sampled_from(
    ["2018-10-18T22:18:13.527256", "2021-06-22T09:58:34.811Z", "Mon Aug 22 2022 13:52:52 GMT-0700 (PDT)", "yesterday"]
)


def _metadata(kind: str, **more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"type": st.just(f"groundtruth/{kind}"), **more},
        optional={"human-annotated": st.sampled_from(["yes", "no"]), "creation-date": DATES, "job-name": NAMES},
    )


@st.composite
def _pair(draw: st.DrawFn, name: str) -> dict[str, Any]:
    kind = draw(st.sampled_from(["class", "boxes", "mask", "multi", "verify", "text", "custom"]))
    if kind == "class":
        value = draw(st.integers(0, 9) | st.sampled_from(["0", "1"]))
        metadata = draw(_metadata("image-classification", **{"class-name": CLASSES, "confidence": st.floats(0, 1)}))
    elif kind == "boxes":
        box = st.fixed_dictionaries(
            {
                "class_id": st.integers(0, 2),
                **{side: st.integers(-1, 90) | st.floats(0, 90) for side in ("left", "top", "width", "height")},
            }
        )
        annotations = draw(st.lists(box, max_size=3))
        value = {"image_size": [{"width": 100, "height": 80, "depth": 3}], "annotations": annotations}
        metadata = draw(
            _metadata(
                "object-detection",
                **{
                    "class-map": st.just({"0": "hund", "1": "カメラ"}),
                    "objects": st.just([{"confidence": 0.5}] * len(annotations)),
                },
            )
        )
    elif kind == "mask":
        name += "-ref"
        value = draw(REFS)
        metadata = draw(
            _metadata(
                "semantic-segmentation",
                **{
                    "internal-color-map": st.just(
                        {
                            "0": {"class-name": "BACKGROUND", "hex-color": "#ffffff", "confidence": 0},
                            "1": {"class-name": "crack", "hex-color": "#23A436", "confidence": 0.1},
                        }
                    )
                },
            )
        )
    elif kind == "multi":
        value = draw(st.lists(st.integers(0, 1), max_size=2))
        metadata = draw(_metadata("image-classification-multilabel", **{"class-map": st.just({"0": "a", "1": "b"})}))
    else:
        value = draw(SCALARS)
        names = {"verify": "label-verification", "text": "text-classification", "custom": "custom"}
        metadata = draw(_metadata(names[kind], **{"class-name": CLASSES}))
    return {name: value, f"{name}-metadata": metadata}


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    """One manifest line as a value, keys in any order."""
    line: dict[str, Any] = draw(
        st.one_of(st.builds(lambda ref: {"source-ref": ref}, REFS), st.just({"source": "some text"}), st.just({}))
    )
    for name in draw(st.lists(st.sampled_from(["label", "anomaly-label", "kind-2", "b x"]), max_size=3, unique=True)):
        line |= draw(_pair(name))
    line |= draw(st.dictionaries(NAMES, VALUES, max_size=2))
    return dict(draw(st.permutations(list(line.items()))))


@st.composite
def written(draw: st.DrawFn, value: Any, breaks: bool = False) -> bytes:
    """A value as JSON with blanks, escapes and number forms as they come."""
    text = json.dumps(
        value,
        ensure_ascii=draw(st.booleans()),
        separators=draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " : ")])),
        indent=draw(st.sampled_from([None, 0, 2, "\t"])) if breaks else None,
    )
    return text.encode("utf-8")


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """One sound line without its line end."""
    return draw(st.sampled_from([b"", b"", b" ", b"\t"])) + draw(written(draw(entries())))


@st.composite
def manifests(draw: st.DrawFn) -> bytes:
    """A whole file: sound lines, blank ones, spread values, broken lines; any line end, with or without BOM."""
    kinds = st.one_of(
        lines(),
        lines(),
        st.sampled_from([b"", b"  ", b"\t", b"[1, 2]", b"7", b"null"]),
        entries().flatmap(lambda value: written(value, breaks=True)),
        st.lists(entries(), max_size=3).flatmap(lambda value: written(value, breaks=True)),
        lines().flatmap(mutations),
        st.sampled_from([b"{", b"[", b"[{", b'{"a": "', b'{\n  "a": }', b"{\n\xff"]),
        entries().flatmap(lambda value: written(value, breaks=True)).flatmap(mutations),
    )
    parts = draw(st.lists(st.tuples(kinds, st.sampled_from([b"\n", b"\n", b"\r\n"])), max_size=6))
    data = draw(st.sampled_from([b"", b"", b"", b"\xef\xbb\xbf"])) + b"".join(line + end for line, end in parts)
    return data.rstrip(b"\r\n") if draw(st.booleans()) else data


def mutations(data: bytes) -> st.SearchStrategy[bytes]:
    """The data with a byte flipped, deleted or put in, cut off, or a piece of it said twice."""
    at = st.integers(0, max(0, len(data) - 1))
    signs = st.sampled_from([bytes([n]) for n in b'{}[]",:\\/u0-9.eE+tfn \t\n\r\x00\x7f\x80\xc3\xe2\xed\xf4\xff'])
    return st.one_of(
        st.builds(lambda i, b: data[:i] + b + data[i + 1 :], at, signs),
        st.builds(lambda i: data[:i] + data[i + 1 :], at),
        st.builds(lambda i, b: data[:i] + b + data[i:], at, signs),
        st.builds(lambda i: data[:i], at),
        st.builds(lambda i, j, k: data[:i] + data[min(j, k) : max(j, k)] + data[i:], at, at, at),
    )
