# ruff: noqa: E501 - tables of cases and columns, one a line
"""Manifest lines by the thousand from a seed, and ways to spoil their bytes: food for comparing the fast and the slow path."""

from __future__ import annotations

import random
import re
from typing import Any

import orjson

DATES = (
    "2024-05-01T08:00:00.000000", "2020-11-10T03:37:09.600", "2021-06-22T09:58:34.811Z", "2022-02-04T22:47:07",
    "2013-11-18 02:53:27", "Mon Aug 22 2022 13:52:52 GMT-0700 (Pacific Daylight Time)", "Tue Feb 29 2000 00:00:00",
    "2024-02-29T23:59:59+05:30", "2024-02-30T00:00:00", "2023-02-29T00:00:00", "2024-05-01", "20240501T080000", "yesterday",
    "2024-05-01T24:00:00", "2024-05-01T08:00:00.1234567", "2024-05-01T08:00:00.1", "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:59:59-01:00", "Mon Foo 22 2022 13:52:52", "2024-05-01T08:00:00-00:00", "2024-13-01T08:00:00", "",
    "Wed Dec 1 2021 01:02:03 UTC+01:30", "2024-05-01T08:00:60", "1969-12-31T23:59:59.999999",
)  # fmt: skip
NUMBERS = (
    "1", "0", "0.5", "1.0", "0.95", "1e-3", "0.95000000000000001", "1E400", "-0", "-0.0", "1.5", "-1", "2", "0.1234567890123",
    "0.12345678901234567890123", "1e-400", "9007199254740993", "01", "1.", ".5", "+1", "NaN", "true", "null", '"1"', "1e0",
    "0e5", "0.30000000000000004", "123456789012345678", "5e-324", "0.0000000000000000000000000000001", "1E+0", "0.1e1",
)  # fmt: skip
NAMES = (
    "normal",
    "anomaly",
    "Anomaly",
    "dog",
    "cracked",
    "a b",
    " normal",
    "",
    "Kratzer-ä",
    "x" * 257,
    "BACKGROUND",
    "0",
    "Normal",
    "NORMAL ",
    "Dog",
    "d o g",
    "Cracked",
    "dog\x7f",
    "dog\u200b",
    "anomaly\u200d",
)
REFS = (
    "s3://parts-a/img/{}.png", "s3://parts-a/img/{}.jpg", "s3://parts-b/{}.png", "S3://parts-a/{}.PNG", "img/{}.png",
    "s3://My_Bucket/{}.png", "s3://x/{}", "https://h/{}.png", "s3://s3://a/{}", "{}.jpg", "", " ", "//a/{}", "s3:///{}",
    "s3://parts-a/", "s3://parts-ä/{}.png", "s3://parts-a/bild-ä-{}.png", "s3://{{bucket}}/{}.png", "裂/{}.png", "file:/{}",
    "s3://parts-a/a%20b/{}.png", "s3://parts-a/100%/{}.png", "s3://parts-a//{}.png", "s3://parts-a/x//{}.png", "s3:////{}.png",
    " s3://parts-a/{}.png", "s3://parts-a/{}.png ", "s3://parts-a/\x7f{}.png", "s3://parts-a/\u200b{}.png", "img//{}.png", "C\uf03a/{}.png",
    "s3://parts-a/img/a-long-name-of-an-image-so-that-several-steps-are-needed/and-more-of-it/{}%2Fx.png", "a%20{}.png",
    "s3://parts-a/img/a-long-name-of-an-image-so-that-several-steps-are-needed/and-more-of-it//{}.png", "s3://parts-a/{}.png/",
    "s3://parts-a/\t{}.png", "s3://parts-a/back\\{}.png", "s3://parts-a/{}//", "abc//{}.png", "s3://parts-a/{} .png",
)  # fmt: skip
KEYS = (
    "anomaly-label",
    "label",
    "a-detected",
    "job",
    "x-ref",
    "anomaly-mask-ref",
    "mask",
    "source",
    "cl",
    "errors",
    "k~/y",
    "ä-ref",
    "$label",
    "k\u200b",
    "k\x7f",
    "x-metadata",
)

EXTRAS = (
    ("adjustment-status", b'"adjusted"'), ("adjustment-status", b'"unadjusted"'), ("adjustment-status", b'"no"'),
    ("adjustment-status", b"1"), ("worker-feedback", b'[{"comment":"a"}]'), ("worker-feedback", b'"a"'), ("k\u200b", b"1"),
    ("k\x7f", b"1"), ("a\\b", b"1"), ("confidence ", b"1"),
)  # fmt: skip


class Maker:
    """Lines from one random source; `odd` is the chance that a value is an unusual one."""

    def __init__(self, seed: int, odd: float = 0.03) -> None:
        self.random = random.Random(seed)
        self.odd = odd
        self.number = 0

    def pick(self, usual: tuple[Any, ...], unusual: tuple[Any, ...]) -> Any:
        return self.random.choice(unusual if self.random.random() < self.odd else usual)

    def string(self, text: str) -> bytes:
        form = self.random.random()
        if form < self.odd / 2:
            return b'"' + "".join(f"\\u{ord(sign):04x}" if ord(sign) < 65536 else sign for sign in text).encode() + b'"'
        return orjson.dumps(text)

    def ref(self) -> bytes:
        self.number += 1
        number = self.number if self.random.random() > self.odd else self.random.randrange(20)
        return self.string(self.pick(REFS[:1], REFS).format(f"{number:06}"))

    def common(self) -> dict[str, bytes]:
        fields = {
            "human-annotated": self.pick((b'"yes"',), (b'"no"', b'"Yes"', b"true")),
            "creation-date": self.string(self.pick(DATES[:4], DATES)),
            "job-name": self.string(self.pick(("labeling-job/a", "labeling-job/b"), ("", "ä", "c\\d"))),
        }
        fields = {key: value for key, value in fields.items() if self.random.random() > self.odd}
        if self.random.random() < self.odd:
            key, value = self.random.choice(EXTRAS)
            fields[key] = value
        return fields

    def type(self, name: str) -> bytes:
        others = ("object-detection", "image-classification-multilabel", "label-verification", "custom")
        return self.string("groundtruth/" + self.pick((name,), others))

    def classification(self) -> tuple[bytes, dict[str, bytes]]:
        name = self.pick(NAMES[:2], NAMES)
        metadata = {
            "class-name": self.string(name),
            "confidence": self.pick(NUMBERS[:5], NUMBERS).encode(),
            "type": self.type("image-classification"),
        }
        return self.pick((b"0", b"1"), (b'"1"', b"1.0", b"-1", b"-0", b'"a"', b"null", b'""')), metadata | self.common()

    def color_map(self) -> dict[str, Any]:
        colors = ("#ffffff", "#2ca02c", "#1f77b4", "#23A436", "#000000")
        entries = {}
        start = 0 if self.random.random() > self.odd else 1
        for index in range(start, start + self.random.choice((2, 3, 3, 3, 4))):
            name = "BACKGROUND" if index == 0 else f"class{index}"
            entry = {
                "class-name": self.string(self.pick((name,), (*NAMES, "background"))),
                "hex-color": self.string(self.pick((colors[index % 5],), (*colors, "red", "#12345g"))),
            }
            entry["confidence"] = self.pick((b"0.0", b"0.5"), tuple(number.encode() for number in NUMBERS))
            if self.random.random() < self.odd:
                del entry["confidence"]
            entries[str(index)] = entry
        return entries

    def segmentation(self) -> tuple[bytes, dict[str, Any]]:
        metadata = {"internal-color-map": self.color_map(), "type": self.type("semantic-segmentation")}
        return self.ref(), metadata | self.common()

    def boxes(self) -> tuple[Any, dict[str, Any]]:
        count = self.random.choice((1, 2, 3, 5, 0 if self.random.random() < self.odd * 5 else 4))
        boxes = []
        for _ in range(count):
            box = {"class_id": self.pick((b"0", b"1"), (b"7", b'"0"', b"-1", b"0.0", b"10"))}
            for side in ("top", "left", "height", "width"):
                usual = (str(self.random.randrange(2, 90)), f"{self.random.uniform(2, 90):.3f}")
                box[side] = self.pick(usual, (*NUMBERS, "99", "1000")).encode()
            boxes.append(box)
        size = {"width": self.pick((b"200",), (b"50", b"5000", b"64.5", b"null")), "height": b"180", "depth": b"3"}
        objects = [{"confidence": self.pick(NUMBERS[:5], NUMBERS).encode()} for _ in boxes]
        if self.random.random() < self.odd:
            objects = objects[1:] if self.random.random() < 0.5 else [*objects, {"confidence": b"0.1"}]
        classes = (
            {"0": b'"dog"', "1": b'"cat"'}
            if self.random.random() > self.odd
            else {"10": b'"d"', "0": self.string(self.random.choice(NAMES))}
        )
        metadata = {"objects": objects, "class-map": classes, "type": self.type("object-detection")}
        return {"image_size": [size], "annotations": boxes}, metadata | self.common()

    def line(self, kind: str, *, shuffled: bool = False, spaced: bool = False) -> bytes:
        row: dict[str, Any] = {"source-ref": self.ref()}
        if kind in ("class", "mask", "both"):
            key = self.pick(KEYS[:1], KEYS)
            row[key], row[f"{key}-metadata"] = self.classification()
        if kind in ("mask", "two"):
            key = self.pick(("anomaly-mask-ref",), KEYS)
            row[key], row[f"{key}-metadata"] = self.segmentation()
        if kind in ("boxes", "both"):
            row["bb"], row["bb-metadata"] = self.boxes()
        if self.random.random() < self.odd:
            row.pop(self.random.choice(list(row)))
        if self.random.random() < self.odd:
            row[self.random.choice(("extra", "errors", "source", "-metadata", "x-metadata"))] = self.random.choice(
                (b"1", b'"t"', b"[]", b"null")
            )
        if self.random.random() < self.odd / 4:
            long = self.random.choice((19_000, 20_000, 20_001, 25_000))
            row[self.random.choice(("extra", "x"))] = b'"' + self.random.choice((b"a", "ä".encode())) * long + b'"'
        if self.random.random() < self.odd:
            row = {key: row[key] for key in sorted(row, reverse=True)}
        return self._write(row, shuffled, spaced)

    def _write(self, value: Any, shuffled: bool, spaced: bool) -> bytes:
        blank = (lambda: b" " * self.random.randrange(3)) if spaced else (lambda: b"")
        if isinstance(value, bytes):
            return value
        if isinstance(value, list):
            return b"[" + b",".join(blank() + self._write(one, shuffled, spaced) + blank() for one in value) + b"]"
        keys = list(value)
        if shuffled:
            self.random.shuffle(keys)
        pairs = [
            blank() + orjson.dumps(key) + blank() + b":" + blank() + self._write(value[key], shuffled, spaced) + blank()
            for key in keys
        ]
        return b"{" + b",".join(pairs) + b"}"

    def file(self, lines: int, kinds: tuple[str, ...], *, end: bytes = b"\n", **how: bool) -> list[bytes]:
        return [self.line(self.random.choice(kinds), **how) + end for _ in range(lines)]


TOKENS = (b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\n", b"\r\n", b"\0", b"\xef\xbb\xbf", b"\xff", "ä".encode(), b" ",
          b"\t", b"-", b".", b"e", b"0", b"9", b"null", b"true", b'""', b"\x01", b"\xed\xa0\x80", b"1e999", b"//", b"\\u0041")  # fmt: skip


def spoil(line: bytes, source: random.Random) -> bytes:
    """A few bytes of a line put in, taken out, changed, doubled or moved."""
    data = bytearray(line)
    for _ in range(source.choice((1, 1, 1, 2, 3))):
        at = source.randrange(len(data) + 1)
        way = source.randrange(6)
        if way == 0:
            data[at:at] = source.choice(TOKENS)
        elif way == 1:
            del data[at : at + source.choice((1, 1, 1, 2, 5))]
        elif way == 2 and at < len(data):
            data[at] = source.randrange(256)
        elif way == 3:
            stop = at + source.randrange(30)
            data[at:at] = data[at:stop]
        elif way == 4 and at < len(data):
            data[at] ^= 1 << source.randrange(7)
        else:
            other = source.randrange(len(data) + 1)
            data[at : at + 1] = data[other : other + source.randrange(12)]
    return bytes(data)


_VALUES = re.compile(
    rb'"source-ref":"[^"]*"|"[^"]*-ref":"[^"]*"|"creation-date":"[^"]*"|"confidence":[^,}\]]+'
    rb'|"(?:left|top|class_id)":[^,}\]]+|"(?:width|height)":(?!200|180|5000|64|50|null)[^,}\]]+'  # not image_size
)


def vary(line: bytes, source: random.Random, odd: float) -> bytes:
    """The same line about something else: other references, dates, confidences and boxes, `odd` of them odd ones."""

    def other(found: re.Match[bytes]) -> bytes:
        key, _, value = found[0].partition(b":")
        strange = source.random() < odd
        if key == b'"creation-date"':
            text = source.choice(DATES if strange else DATES[:4])
            return key + b":" + orjson.dumps(text)
        if value[:1] == b'"' and key.endswith(b'-ref"'):
            text = source.choice(REFS if strange else REFS[:1]).format(f"{source.randrange(500):06}")
            return key + b":" + orjson.dumps(text)
        if key == b'"confidence"':
            return key + b":" + source.choice(NUMBERS if strange else NUMBERS[:5]).encode()
        if key == b'"class_id"':
            return key + b":" + source.choice((b"7", b'"0"', b"-1", b"0.0", b"10") if strange else (b"0", b"1"))
        usual = (str(source.randrange(1, 90)), f"{source.uniform(1, 90):.3f}")
        return key + b":" + source.choice((*NUMBERS, "99", "1000") if strange else usual).encode()

    return _VALUES.sub(other, line)


def repeated(seed: int, lines: int, kinds: tuple[str, ...], odd: float) -> list[bytes]:
    """A file of few sorts of lines, most of them faulty, each of which comes again and again with other values."""
    maker = Maker(seed, 0.15)
    sorts = [line for line in maker.file(5, kinds) if b"\n" not in line[:-1]]
    sorts += [spoil(line[:-1], maker.random).replace(b"\n", b"") + b"\n" for line in sorts[:2]]
    return [vary(maker.random.choice(sorts), maker.random, odd) for _ in range(lines)]
