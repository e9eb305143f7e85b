"""Manifests for the tools: lines of every sort, sound and spoilt, and what tests ask of them."""

from __future__ import annotations

import json

from hypothesis import strategies as st

CLASSES = ("normal", "anomaly", "Anomaly", " normal ", "scratch")
BUCKETS = ("s3://bbb/", "s3://s3://bbb/", "", "s3://\u200bbbb/", "https://bbb.s3.amazonaws.com/", "s3://b#/")
DATES = ("2024-05-01T08:00:00", "2024-05-02 08:00:00", "Mon Aug 22 2022 13:52:52 GMT-0700 (PDT)", "soon")


def entry(ref, name=None, *, number=1, date="2024-05-01T08:00:00.000", **more):
    """A line's value: an image, with a label when there is a class name."""
    value = {"source-ref": ref}
    if name is not None:
        value |= {
            "anomaly-label": number,
            "anomaly-label-metadata": {
                "class-name": name,
                "confidence": 1,
                "type": "groundtruth/image-classification",
                "human-annotated": "yes",
                "creation-date": date,
                "job-name": "labeling-job/cls",
            },
        }
    return value | more


def text(*values, sep=(",", ":")):
    """A manifest of these values."""
    return "".join(json.dumps(value, separators=sep, ensure_ascii=False) + "\n" for value in values).encode()


def refs(data):
    """The images of a manifest, in order."""
    return [json.loads(line).get("source-ref") for line in data.split(b"\n") if line.strip()]


def bodies(data):
    """The lines of a manifest without their ends, blank ones left out."""
    return [line.strip() for line in data.split(b"\n") if line.strip()]


@st.composite
def color_maps(draw):
    keys = draw(st.lists(st.sampled_from(["0", "1", "2", "x"]), max_size=3, unique=True))
    result = {}
    for key in keys:
        one = {"class-name": draw(st.sampled_from(["BACKGROUND", "crack", "dent ", "background"]))}
        if draw(st.booleans()):
            one["hex-color"] = draw(st.sampled_from(["#ffffff", "#23A436", "23a436", " 0x23A436", "red", 7]))
        if draw(st.booleans()):
            one["confidence"] = draw(st.sampled_from([0, 0.0, "0.5", "x", 2]))
        result[key] = one
    return result


@st.composite
def odd_entries(draw):
    """Lines as people have them: readable, with all the faults that `fix` knows and some that it does not."""
    bucket = draw(
        st.sampled_from(
            ["s3://bbb/", "s3://s3://bbb/", "", "s3://\u200bbbb/", "https://bbb.s3.amazonaws.com/", "s3://b#/"]
        )
    )
    value = {"source-ref": f"{bucket}{draw(st.integers(0, 5))}.png"}
    if draw(st.booleans()):
        metadata = {}
        for key, choices in {
            "class-name": CLASSES,
            "confidence": (1, "0.5", "1", 7, None),
            "type": ("groundtruth/image-classification", "custom", 3),
            "human-annotated": ("yes", True, "Yes", "maybe", False),
            "creation-date": DATES,
        }.items():
            if draw(st.integers(0, 4)):
                metadata[key] = draw(st.sampled_from(choices))
        value |= {"l": draw(st.sampled_from([0, 1, "1", 1.0, True, None, "x"])), "l-metadata": metadata}
    if draw(st.booleans()):
        metadata = {"type": "groundtruth/semantic-segmentation", "internal-color-map": draw(color_maps())}
        value |= {"m-ref": f"{bucket}m.png", "m-ref-metadata": metadata}
    if draw(st.booleans()):
        size = {"width": 100, "height": 80, "depth": 3}
        box = {"class_id": 0, "left": 1, "top": 2, "width": 3, "height": 4}
        value["b"] = {"image_size": draw(st.sampled_from([size, [size], []])), "annotations": [box]}
        value["b-metadata"] = {"class-map": {"0": "dog "}, "objects": [{"confidence": 1}]}
        if draw(st.booleans()):
            value["b-metadata"]["type"] = "groundtruth/object-detection"
    return value


BROKEN = (
    b"{'source-ref': 's3://bbb/p.png', 'x': None}",
    b'{"source-ref": "s3://bbb/c.png", } # why',
    b'{"source-ref": "s3://bbb/n.png", "x": NaN}',
    b'{"source-ref": "s3://bbb/\\ud800.png"}',
    b'{"source-ref": "s3://bbb/t\tab.png"}',
    b'{"source-ref": "s3://bbb/cut',
    b'{"source-ref":"s3://bbb/a.png"}{"source-ref":"s3://bbb/b.png"}',
    b'[{"source-ref":"s3://bbb/e.png"},{"source-ref":"s3://bbb/f.png"}]',
    b'{"a":1,"a":1.0,"a":2,"source-ref":"s3://bbb/d.png"}',
    b"[1, 2]",
    b"null",
    b"x\xff\xfe",
    b"nonsense",
    b"{",
    b"}",
    b"[",
    b"]",
    b"",
    b"  ",
)


@st.composite
def odd_manifests(draw, entries=odd_entries()):  # noqa: B008 - a strategy, made once
    """Files in every state: faults, broken lines, pretty-printed parts, blank lines, all line ends, a BOM."""
    lines = []
    for _ in range(draw(st.integers(0, 6))):
        if draw(st.integers(0, 2)) == 0:
            lines.append(draw(st.sampled_from(BROKEN)))
            continue
        value = draw(entries)
        how = draw(st.integers(0, 5))
        if how == 0:
            lines.append(json.dumps([value, value], indent=2).encode())
        elif how == 1:
            lines.append(json.dumps(value, indent=1).encode())
        else:
            sep = (",", ":") if how == 2 else (", ", ": ")
            lines.append(json.dumps(value, separators=sep, ensure_ascii=how == 3).encode())
    end = draw(st.sampled_from([b"\n", b"\r\n"]))
    bom = b"\xef\xbb\xbf" if draw(st.integers(0, 5)) == 0 else b""
    return bom + end.join(lines) + (end if draw(st.booleans()) else b"")


@st.composite
def manifests(draw, min_size=0, max_size=20, images=30):
    """Sound manifests, images now and then more than once."""
    lines = []
    for _ in range(draw(st.integers(min_size, max_size))):
        name = draw(st.sampled_from([None, "normal", "anomaly"]))
        ref = f"s3://bbb/g{draw(st.integers(0, 3))}/{draw(st.integers(0, images))}.png"
        date = f"2024-05-{draw(st.integers(1, 9)):02}T08:00:00"
        lines.append(entry(ref, name, number=draw(st.integers(0, 1)), date=date))
    return text(*lines)
