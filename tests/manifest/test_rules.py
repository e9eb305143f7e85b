"""Every rule of a manifest: a line that breaks it, with the exact place and words, and a near miss that does not."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvtools.findings import PROFILES, RULES
from lvtools.manifest import read_manifest, validate_manifest
from tests.manifest import oracle, strategies
from tests.shared import shared

LINE = (
    b'{"source-ref":"s3://bucket/a.png","x":1,"x-metadata":{"class-name":"normal","confidence":1,'
    b'"type":"groundtruth/image-classification","human-annotated":"yes","creation-date":"2024-05-01T08:00:00",'
    b'"job-name":"labeling-job/j"}}'
)
BOX = (
    b'{"source-ref":"s3://bucket/a.png","b":{"image_size":[{"width":640,"height":480,"depth":3}],'
    b'"annotations":[{"class_id":0,"left":10,"top":20,"width":30,"height":40}]},'
    b'"b-metadata":{"objects":[{"confidence":1}],"class-map":{"0":"dog"},"type":"groundtruth/object-detection",'
    b'"human-annotated":"yes","creation-date":"2024-05-01T08:00:00",'
    b'"job-name":"labeling-job/j"}}'
)
MULTI = (
    b'{"source-ref":"s3://bucket/a.png","t":[0,2],"t-metadata":{"class-map":{"0":"cat","2":"dog"},'
    b'"confidence-map":{"0":0.5,"2":1},"type":"groundtruth/image-classification-multilabel",'
    b'"human-annotated":"yes","creation-date":"2024-05-01T08:00:00",'
    b'"job-name":"labeling-job/j"}}'
)
MASK = (
    b'{"source-ref":"s3://bucket/a.png","m-ref":"s3://bucket/m.png","m-ref-metadata":{"internal-color-map":{'
    b'"0":{"class-name":"BACKGROUND","hex-color":"#ffffff","confidence":0},'
    b'"1":{"class-name":"crack","hex-color":"#23a436","confidence":0.1}},'
    b'"type":"groundtruth/semantic-segmentation","human-annotated":"yes","creation-date":"2024-05-01T08:00:00",'
    b'"job-name":"labeling-job/j"}}'
)


def swap(line: bytes, old: bytes, new: bytes) -> bytes:
    assert line.count(old) == 1, (line.count(old), old)
    return line.replace(old, new)


def second(line: bytes) -> bytes:
    """The same line about another image."""
    return swap(line, b"a.png", b"b.png")


class Case(NamedTuple):
    """`at` is the text that the finding's place begins at; None: the finding is about the whole file."""

    code: str
    severities: str  # of lookoutvision, rekognition, groundtruth, marketplace: e w i, or - where the rule does not hold
    data: bytes
    at: bytes | None
    pointer: str | None
    value: str | None
    near: bytes
    expected: str | None = None
    related: int | None = None
    limit: tuple[str, int] | None = None  # a constant made small, for limits that would need large files


MANY = b'"objects":[' + b",".join([b'{"confidence":1}'] * 51) + b"]"
BOXES = b'"annotations":[' + b",".join([b'{"class_id":0,"left":10,"top":20,"width":30,"height":40}'] * 51) + b"]"
CLASSES = b",".join(
    b'"%d":{"class-name":"c%d","hex-color":"#0000%02x","confidence":0}' % (n, n, n) for n in range(2, 22)
)
CRACK = b'"1":{"class-name":"crack","hex-color":"#23a436","confidence":0.1}'
ANNOTATION = b'{"class_id":0,"left":10,"top":20,"width":30,"height":40}'
ANOMALY = swap(LINE, b'"normal"', b'"anomaly"')
B, X, M, MAP = "/b", "/x-metadata", "/m-ref-metadata", "/m-ref-metadata/internal-color-map"

CASES = [
    # The file and its lines
    Case("LV001", "eeee", b"", None, None, None, LINE),
    Case("LV002", "ee--", LINE + b"\n", None, None, f"{len(LINE) + 1}", LINE, limit=("scan.MAX_FILE_BYTES", len(LINE))),
    Case("LV003", "-e--", LINE + b"\n\n\n", None, None, "3", LINE + b"\n\n", limit=("crossline.MAX_LINES", 2)),
    Case("LV004", "wwww", b"\xef\xbb\xbf" + LINE, b"\xef\xbb\xbf", None, None, LINE + b"\n\xef\xbb\xbf"),
    Case("LV005", "eeee", LINE.replace(b",", b",\n"), b"{", None, "one over 8 lines", LINE + b"\n\n"),
    Case("LV006", "weww", LINE + b"\n \r\n" + second(LINE), b" \r\n", None, None, LINE + b"\n"),
    Case("LV008", "eeee", b"\x89PNG\r\n\x1a\n", b"\x89", None, "a PNG image", b'"\x89PNG"'),
    Case(
        "LV009",
        "eeee",
        LINE + b"\n" + b"x" * 100_001,
        b"xxx",
        None,
        "100,001",
        swap(LINE, b"a.png", b"a" * (100_000 - len(LINE) + 1) + b".png"),
    ),
    Case(
        "LV010",
        "w---",
        swap(LINE, b"a.png", "ä".encode() * (8193 - len(LINE) + 1) + b".png"),
        b"{",
        None,
        "8,193",
        swap(LINE, b"a.png", "ä".encode() * (8192 - len(LINE) + 1) + b".png"),
    ),
    # JSON
    Case(
        "LV020", "eeee", b'{"a":1,}', b"}", None, 'found "}" where a value or key must stand: a comma too many?', b"{}"
    ),
    Case("LV021", "eeee", b'{"a":"b\n' + LINE, b"\n", None, 'after …{"a":"b', LINE.replace(b",", b",\n")),
    Case("LV022", "eeee", b'{"a":"\xff"}', b"\xff", None, "byte 0xff", '{"a":"ÿ"}'.encode()),
    Case("LV023", "eeee", b'{"a":"\\ud83d!"}', b"\\ud", None, "\\ud83d", b'{"a":"\\ud83d\\ude00"}'),
    Case("LV024", "wwww", b'{"a":1,"a":2}', b'"a":2', None, '"a"', b'{"a":1,"b":{"a":2}}'),
    Case(
        "LV025",
        "eeee",
        b'{"a":' + b"[" * 64 + b"]" * 64 + b"}",
        None,
        None,
        "64",
        b'{"a":' + b"[" * 63 + b"]" * 63 + b"}",
    ),
    Case("LV026", "eeee", b" 7", b"7", None, "the number 7", b'{"a":7}'),
    Case("LV027", "eeee", b'{"a":"\t"}', b"\t", None, "U+0009", b'{"a":\t"\\t"}'),
    Case("LV028", "eeee", b'{"a":-1e309}', b"-1e", None, "-1e309", b'{"a":-1e308,"b":1e-999}'),
    # References
    Case("LV101", "eeee", swap(LINE, b"source-ref", b"Source-Ref"), b"{", "", None, LINE),
    Case("LV102", "eeee", swap(LINE, b'"s3://bucket/a.png"', b"[1]"), b"[1]", "/source-ref", "an array of 1", LINE),
    Case(
        "LV103",
        "eeee",
        swap(LINE, b"s3://bucket", b"https://host"),
        b'"https',
        "/source-ref",
        '"https://host/a.png"',
        swap(LINE, b"s3://bucket/", b"S3://bucket/"),
    ),
    Case("LV104", "wewe", swap(LINE, b"s3://bucket/", b"img/"), b'"img', "/source-ref", '"img/a.png"', LINE),
    Case(
        "LV105",
        "wewe",
        swap(LINE, b"source-ref", b"source"),
        b'"s3',
        "/source",
        None,
        swap(LINE, b"source-ref", b"Source"),
    ),
    Case(
        "LV106",
        "eeee",
        swap(LINE, b"s3://", b"s3://s3://"),
        b'"s3://s3',
        "/source-ref",
        '"s3://s3://bucket/a.png"',
        swap(LINE, b"a.png", b"s3://a.png"),
    ),
    Case(
        "LV107",
        "wwww",
        swap(LINE, b"bucket", b"My_Bucket"),
        b'"s3',
        "/source-ref",
        '"s3://My_Bucket/a.png"',
        swap(LINE, b"bucket", b"my-bucket.1"),
    ),
    Case(
        "LV108",
        "eeee",
        swap(LINE, b"bucket", b"<bucket>"),
        b'"s3',
        "/source-ref",
        '"s3://<bucket>/a.png"',
        swap(LINE, b"bucket", b"abc"),
    ),
    # Labels
    Case("LV110", "iwie", b'{"source-ref":"s3://bucket/a.png"}', b"{", "", None, LINE),
    Case(
        "LV111",
        "eewi",
        b'{"source-ref":"s3://bucket/a.png","a":0,"b":1}',
        b'"a"',
        "/a",
        '"a", "b"',
        swap(LINE, b'"x":1', b'"y":2,"x":1'),
    ),
    Case(
        "LV112",
        "wwii",
        swap(LINE, b'"x":1', b'"y-metadata":{},"x":1'),
        b'"y-',
        "/y-metadata",
        '"y-metadata"',
        swap(LINE, b'"x":1', b'"source-ref-metadata":{},"x":1'),
    ),
    Case(
        "LV113",
        "eeew",
        b'{"source-ref":"s3://bucket/a.png","x":1,"x-metadata":"normal"}',
        b'"normal"',
        X,
        'the string "normal"',
        LINE,
    ),
    Case("LV114", "eeww", swap(LINE, b'"type"', b'"Type"'), b'{"class-name"', X, None, LINE),
    Case(
        "LV115",
        "weii",
        swap(LINE, b"image-classification", b"wrongtype"),
        b'"groundtruth',
        X + "/type",
        '"groundtruth/wrongtype"',
        LINE,
    ),
    Case("LV116", "-e--", swap(LINE, b'"class-name"', b'"name"'), b"{", "", None, LINE),
    Case(
        "LV117",
        "eeew",
        swap(LINE, b'"groundtruth/image-classification"', b"null"),
        b"null",
        X + "/type",
        "null",
        LINE,
    ),
    Case("LV120", "eeew", swap(LINE, b'"class-name"', b'"class_name"'), b'{"class_name"', X, None, LINE),
    Case("LV121", "w--w", swap(LINE, b'"normal"', b'"good"'), b'"good"', X + "/class-name", '"good"', ANOMALY),
    Case(
        "LV122",
        "w--w",
        swap(LINE, b'"normal"', b'"Normal "'),
        b'"Normal',
        X + "/class-name",
        '"Normal "',
        LINE,
        "normal",
    ),
    Case(
        "LV123",
        "eeee",
        swap(LINE, b"normal", b"n" * 257),
        b'"nnn',
        X + "/class-name",
        '"' + "n" * 40 + '…"',
        swap(LINE, b"normal", "ñ".encode() * 256),
    ),
    Case(
        "LV124",
        "wwww",
        swap(LINE, b"normal", b"dog "),
        b'"dog',
        X + "/class-name",
        '"dog "',
        swap(LINE, b"normal", b"a dog"),
    ),
    Case("LV125", "-ew-", swap(LINE, b'"confidence"', b'"Confidence"'), b'{"class-name"', X, None, LINE),
    Case(
        "LV126",
        "weew",
        swap(LINE, b'"confidence":1', b'"confidence":1.5'),
        b"1.5",
        X + "/confidence",
        "the number 1.5",
        swap(LINE, b'"confidence":1', b'"confidence":0.0'),
    ),
    Case("LV127", "weww", swap(LINE, b'"human-annotated"', b'"human"'), b'{"class-name"', X, None, LINE),
    Case(
        "LV128",
        "weww",
        swap(LINE, b'"yes"', b"true"),
        b"true",
        X + "/human-annotated",
        "true",
        swap(LINE, b'"yes"', b'"no"'),
    ),
    Case("LV118", "--i-", swap(LINE, b',"job-name":"labeling-job/j"', b""), b'{"class-name"', X, None, LINE),
    Case("LV129", "-ew-", swap(LINE, b'"creation-date"', b'"date"'), b'{"class-name"', X, None, LINE),
    Case(
        "LV130",
        "wwww",
        swap(LINE, b"2024-05-01T08:00:00", b"May 1st"),
        b'"May',
        X + "/creation-date",
        'the string "May 1st"',
        swap(LINE, b"2024-05-01T08:00:00", b"2013-11-18 02:53:27"),
    ),
    Case(
        "LV131",
        "iiii",
        swap(LINE, b"2024-05-01T08:00:00", b"Mon Aug 22 2022 13:52:52 GMT-0700 (Pacific Daylight Time)"),
        b'"Mon',
        X + "/creation-date",
        '"Mon Aug 22 2022 13:52:52 GMT-0700 (Pacific Daylight Time)"',
        LINE,
    ),
    Case(
        "LV133",
        "wewe",
        swap(LINE, b'"x":1', b'"x":"one"'),
        b'"one"',
        "/x",
        'the string "one"',
        swap(LINE, b'"x":1', b'"x":-1'),
    ),
    # Boxes
    Case(
        "LV150",
        "eeee",
        swap(BOX, b'"left":10,', b""),
        b'{"class_id"',
        B + "/annotations/0",
        "the box has no number left",
        BOX,
    ),
    Case(
        "LV151",
        "eeee",
        swap(BOX, b'[{"confidence":1}]', b"[]"),
        b'[],"class-map"',
        "/b-metadata/objects",
        "0 for 1 boxes",
        BOX,
    ),
    Case(
        "LV165",
        "wwww",
        swap(BOX, b'[{"confidence":1}]', b'[{"confidence":1},{"confidence":0}]'),
        b'[{"confidence":1},{"confidence":0}]',
        "/b-metadata/objects",
        "2 confidences for 1 boxes",
        BOX,
    ),
    Case(
        "LV152",
        "eeee",
        swap(BOX, b'"class_id":0', b'"class_id":1'),
        b'1,"left"',
        B + "/annotations/0/class_id",
        "1",
        swap(BOX, b'"class_id":0', b'"class_id":"0"'),
    ),
    Case(
        "LV153",
        "eeee",
        swap(BOX, b'"left":10', b'"left":611'),
        b'{"class_id"',
        B + "/annotations/0",
        "left 611, top 20, width 30, height 40 in an image of 640 x 480",
        swap(BOX, b'"left":10', b'"left":610'),
    ),
    Case(
        "LV154",
        "-e--",
        swap(BOX, b'"width":30', b'"width":1'),
        b'{"class_id"',
        B + "/annotations/0",
        "1 x 40",
        swap(BOX, b'"width":30', b'"width":1.001'),
    ),
    Case(
        "LV155",
        "-e--",
        swap(swap(BOX, b'"annotations":[' + ANNOTATION + b"]", BOXES), b'"objects":[{"confidence":1}]', MANY),
        b'[{"class_id"',
        B + "/annotations",
        "51",
        swap(
            swap(BOX, b'"annotations":[' + ANNOTATION + b"]", BOXES.replace(ANNOTATION + b",", b"", 1)),
            b'"objects":[{"confidence":1}]',
            MANY,
        ),
    ),
    Case(
        "LV156",
        "-e--",
        swap(BOX, b'"width":640', b'"width":4097'),
        b'{"width":4097',
        B + "/image_size/0",
        "4097 x 480",
        swap(BOX, b'"width":640', b'"width":4096'),
    ),
    Case("LV157", "iwii", swap(swap(BOX, ANNOTATION, b""), b'{"confidence":1}', b""), b"{", "", None, BOX),
    Case(
        "LV158",
        "iwii",
        swap(swap(BOX, ANNOTATION, b""), b'{"confidence":1}', b""),
        b"[]}",
        B + "/annotations",
        None,
        BOX,
    ),
    Case(
        "LV159",
        "eeee",
        swap(BOX, b'"top":20', b'"top":-1'),
        b'{"image_size"',
        B,
        None,
        swap(
            swap(BOX, ANNOTATION, ANNOTATION.replace(b"10", b"-1") + b"," + ANNOTATION),
            b'[{"confidence":1}]',
            b'[{"confidence":1},{"confidence":1}]',
        ),
    ),
    Case("LV160", "eeee", swap(BOX, b'"class-map"', b'"classes"'), b'{"objects"', "/b-metadata", None, BOX),
    Case(
        "LV161",
        "wwww",
        swap(BOX, b'[{"width":640,"height":480,"depth":3}]', b'{"width":640,"height":480,"depth":3}'),
        b'{"width":640',
        B + "/image_size",
        None,
        BOX,
    ),
    # Multi-label
    Case(
        "LV170", "eeee", swap(MULTI, b"[0,2]", b'{"0":1}'), b'{"0":1}', "/t", "an object", swap(MULTI, b"[0,2]", b"[]")
    ),
    Case(
        "LV172",
        "wwww",
        swap(MULTI, b'"2":1}', b'"3":1}'),
        b'2],"t-',
        "/t/1",
        "2",
        swap(MULTI, b'"2":1}', b'"2":1,"3":1}'),
    ),
    # Masks
    Case("LV180", "e-ee", swap(MASK, b'"s3://bucket/m.png"', b"null"), b"null", "/m-ref", "null", MASK),
    Case("LV181", "e-ee", MASK.replace(b"m-ref", b"mask"), b'"mask"', "/mask", '"mask"', MASK),
    Case("LV182", "e-ee", swap(MASK, b"internal-color-map", b"color-map"), b'{"color-map"', M, "missing", MASK),
    Case(
        "LV183",
        "w-iw",
        swap(MASK, b"BACKGROUND", b"nothing"),
        b'{"0"',
        MAP,
        None,
        swap(MASK, b"BACKGROUND", b"background"),
    ),
    Case(
        "LV184",
        "w--w",
        swap(MASK, b"#ffffff", b"#000000"),
        b'"#000',
        MAP + "/0/hex-color",
        "#000000",
        swap(MASK, b"#ffffff", b"#FFFFFF"),
    ),
    Case("LV185", "e-ee", swap(MASK, b'"class-name":"crack",', b""), b'{"hex-color":"#23', MAP + "/1", None, MASK),
    Case(
        "LV186",
        "e-we",
        swap(MASK, b"#23a436", b"23a436"),
        b'"23a',
        MAP + "/1/hex-color",
        'the string "23a436"',
        swap(MASK, b"#23a436", b"#23A436"),
    ),
    Case("LV187", "w-ii", swap(MASK, b',"confidence":0.1', b""), b'{"class-name":"crack"', MAP + "/1", None, MASK),
    Case(
        "LV188",
        "e-ee",
        swap(MASK, CRACK, CRACK + b"," + CRACK.replace(b'"1"', b'"2"').replace(b"23a436", b"23a437")),
        b'{"class-name":"crack","hex-color":"#23a437"',
        MAP + "/2",
        'class "crack" has two colours, #23a436 and #23a437',
        swap(MASK, CRACK, CRACK + b"," + CRACK.replace(b'"1"', b'"2"')),
    ),
    Case(
        "LV190",
        "w---",
        swap(MASK, CRACK, CRACK + b"," + CLASSES),
        b'{"0"',
        MAP,
        "22",
        swap(MASK, CRACK, CLASSES),
    ),
    Case(
        "LV191",
        "i---",
        swap(MASK, b'"crack"', b'"fine crack"'),
        b'"fine',
        MAP + "/1/class-name",
        '"fine crack"',
        swap(MASK, b'"crack"', b'"crack2"'),
    ),
    Case(
        "LV192",
        "w-ww",
        swap(MASK, b"m.png", b"m.jpg"),
        b'"s3://bucket/m.jpg',
        "/m-ref",
        '"s3://bucket/m.jpg"',
        swap(MASK, b"m.png", b"m.PNG"),
    ),
    Case("LV194", "e---", swap(MASK, b"bucket/m.png", b"other/m.png"), b'"s3://other', "/m-ref", '"other"', MASK),
    # Two lines
    Case(
        "LV201",
        "weww",
        second(LINE) + b"\n" + LINE + b"\n" + second(LINE).replace(b'"x":1', b'"x":0'),
        b'"s3://bucket/b.png","x":0',
        "/source-ref",
        '"s3://bucket/b.png"',
        LINE + b"\n" + second(LINE),
        related=1,
    ),
    Case(
        "LV202",
        "ee--",
        LINE + b"\n" + swap(LINE, b"bucket", b"other"),
        b'"s3://other',
        "/source-ref",
        '"other"',
        LINE + b"\n" + second(LINE),
    ),
    Case(
        "LV203",
        "w---",
        b"\n".join(swap(LINE, b"a.png", b"%d.png" % n) for n in range(20)),
        None,
        None,
        "20 normal and 0 anomalous images",
        b"\n".join(swap(LINE if n < 20 else ANOMALY, b"a.png", b"%d.png" % n) for n in range(30)),
    ),
    Case(
        "LV205",
        "w-ww",
        MASK + b"\n" + second(swap(MASK, b"#23a436", b"#23a437")),
        b'{"0":{"class-name":"BACKGROUND","hex-color":"#ffffff","confidence":0},"1":{"class-name":"crack","hex-color":"#23a437',
        MAP,
        'class "crack" has colour #23a437',
        MASK + b"\n" + second(swap(MASK, b"#23a436", b"#23A436")),
        related=1,
    ),
    Case(
        "LV206",
        "w---",
        second(ANOMALY) + b"\n" + MASK,
        b'"s3://bucket/b.png"',
        "/source-ref",
        None,
        second(LINE) + b"\n" + MASK,
    ),
]

META = LINE[LINE.index(b"{", 2) : -1]
BOTH = LINE[:-1] + b"," + MASK[MASK.index(b'"m-ref"') :]
VERIFY = swap(LINE, b"image-classification", b"label-verification")
THREE = b"\n".join(swap(LINE, b"a.png", b"%d.png" % n) for n in range(3))
TEN = [
    swap(line, b"a.png", b"%s%d.png" % (name, n)) for name, line in ((b"n", LINE), (b"y", ANOMALY)) for n in range(10)
]

CASES += [
    Case("LV029", "eeee", b"{'a':1}", b"'a'", None, "a printed Python dict: ' stands where \" must", b'{"a":"\'"}'),
    Case("LV119", "eeww", swap(LINE, b'"x":1', b'"normal":1'), b'"normal":1', "/normal", '"normal" and "x-metadata"',
         swap(LINE, b'"x":1', b'"normal":1,"x":1')),
    Case("LV132", "i--w", swap(LINE, b'"x":1', b'"x":"1"'), b'"1",', "/x", '"1"', LINE),
    # Attributes of Ground Truth
    Case("LV134", "--e-", LINE.replace(b'"x', b'"$x'), b'"$x"', "/$x", '"$x"', LINE.replace(b'"x', b'"x$')),
    Case("LV135", "--ee", LINE.replace(b'"x', b'"x-ref'), b'"x-ref"', "/x-ref", '"x-ref"',
         LINE.replace(b'"x', b'"ref-x')),
    Case("LV136", "--w-", swap(LINE, b"a.png", b"a" * 19_983 + b".png"), b'"s3', "/source-ref",
         'the value of "source-ref" has 20,001 characters', swap(LINE, b"a.png", "ä".encode() * 19_982 + b".png")),
    Case("LV137", "--w-", swap(VERIFY, b'"confidence"', b'"worker-feedback":"bad","confidence"'), b'"bad"',
         X + "/worker-feedback", 'the string "bad"',
         swap(VERIFY, b'"confidence"', b'"worker-feedback":[{"comment":"bad"}],"confidence"')),
    Case("LV138", "--w-", swap(LINE, b'"confidence"', b'"adjustment-status":"done","confidence"'), b'"done"',
         X + "/adjustment-status", 'the string "done"',
         swap(LINE, b'"confidence"', b'"adjustment-status":"unadjusted","confidence"')),
    Case("LV139", "--i-", VERIFY, b'"x":', "/x", '"x" verifies a label',
         swap(VERIFY, b'"x":1', b'"y":1,"y-metadata":{},"x":1')),
    # Signs
    Case("LV140", "wwww", swap(LINE, b"a.png", "a\u200b.png".encode()), b'"s3', "/source-ref",
         'U+200B (zero width space) in "s3://bucket/a\u200b.png"',
         swap(LINE, b"a.png", "ä 漢 \U0001f469\u200d\U0001f52c.png".encode())),
    Case("LV141", "wwww", swap(LINE, b"a.png", "12\uf03a30.png".encode()), b'"s3', "/source-ref",
         '"s3://bucket/12\uf03a30.png"', swap(LINE, b"a.png", b"12:30.png")),
    Case("LV142", "wwww", swap(LINE, b"a.png", b"my%20a.png"), b'"s3', "/source-ref", '"s3://bucket/my%20a.png"',
         swap(LINE, b"a.png", b"100%+a.png")),
    Case("LV143", "wwww", swap(LINE, b"/a.png", b"//a.png"), b'"s3', "/source-ref", '"s3://bucket//a.png"', LINE),
    Case("LV144", "wwww", swap(LINE, b"a.png", b"a.png "), b'"s3', "/source-ref", '"s3://bucket/a.png "',
         swap(LINE, b"a.png", b"a b.png")),
    Case("LV162", "--w-", swap(BOX, b'{"0":"dog"}', b'{"0":"dog","1":"dog"}'), b'"dog"},',
         "/b-metadata/class-map/1", '"dog"', swap(BOX, b'{"0":"dog"}', b'{"0":"dog","1":"Dog"}')),
    Case("LV162", "--w-", swap(MULTI, b'"cat"', b'"dog"'), b'"dog"},', "/t-metadata/class-map/2", '"dog"', MULTI),
    Case("LV163", "--e-", swap(BOX, b'"width":640,"height":480', b'"width":10001,"height":10000'), b'{"width":10001',
         B + "/image_size/0", "10001 x 10000", swap(BOX, b'"width":640,"height":480', b'"width":10000,"height":10000')),
    Case("LV164", "-w--", swap(BOX, b',"depth":3', b""), b'{"width":640', B + "/image_size/0", None,
         swap(BOX, b'"depth":3', b'"depth":1')),
    Case("LV164", "-w--", swap(BOX, b'"depth":3', b'"depth":null'), b'{"width":640', B + "/image_size/0", None, BOX),
    Case("LV173", "--w-", swap(MULTI, b'"confidence-map"', b'"confidences"'), b'{"class-map"', "/t-metadata", None,
         MULTI),
    Case("LV173", "--w-", swap(MULTI, b'{"0":0.5,"2":1}', b"1"), b'{"class-map"', "/t-metadata", None, MULTI),
    Case("LV171", "-e--", swap(LINE, b'"x":1', b'"y":1,"y-metadata":' + META + b',"x":1'), b"{", "", "2", LINE,
         limit=("rules.MAX_LABELS", 1)),
    # The whole file
    Case("LV204", "--i-", LINE + b"\n" + second(LINE), None, None, "2 lines; a labeling job takes 1", LINE,
         limit=("crossline.MAX_OBJECTS", 1)),
    Case("LV207", "-e--", LINE, None, None, "1 label", LINE + b"\n" + second(ANOMALY)),
    Case("LV208", "-e--", LINE + b"\n" + second(ANOMALY), None, None, "2", LINE, limit=("tally.MAX_LABELS", 1)),
    Case("LV209", "-e--", THREE + b"\nx", None, None, "1 of 4 lines cannot be used", THREE + b"\n" + ANOMALY + b"\nx"),
    Case("LV210", "i---", b"\n".join(TEN[1:]), None, None, "9 normal and 10 anomalous images", b"\n".join(TEN)),
    Case("LV211", "e---", LINE + b"\n" + second(LINE), None, None, "2 images: a training dataset took at most 1", LINE,
         limit=("crossline.MAX_TRAIN", 1)),
    Case("LV212", "i---", LINE + b"\n" + second(LINE), None, None, "2 images: a test dataset took at most 1", LINE,
         limit=("crossline.MAX_TEST", 1)),
    Case("LV213", "i--w", LINE + b"\n" + second(swap(ANOMALY, b'"x":1', b'"x":0')), None, None, None,
         swap(LINE, b'"x":1', b'"x":0') + b"\n" + second(ANOMALY)),
    Case("LV214", "w-we", LINE + b"\n" + second(ANOMALY), b'"anomaly"', X + "/class-name", "1",
         LINE + b"\n" + second(swap(ANOMALY, b'"x":1', b'"x":0')), related=1),
    Case("LV215", "wwww", BOX + b"\n" + second(swap(BOX, b'"dog"', b'"Dog"')), b'{"source-ref":"s3://bucket/b.png"', "",
         '"Dog"', BOX + b"\n" + second(swap(BOX, b'"dog"', b'"dogs"')), '"dog"', 1),
    Case("LV216", "wwww", LINE + b"\n" + second(LINE), None, None, '"normal"', LINE, limit=("tally.LISTING", 2)),
    Case("LV217", "i---", MASK, None, None, '1 image with exactly the anomaly type "crack"',
         MASK + b"\n" + second(MASK), limit=("tally.MIN_TYPE_SINGLE", 2)),
    Case("LV218", "e---", MASK, None, None, "1", LINE, limit=("tally.MAX_TYPES", 0)),
    Case("LV219", "--i-", BOX, None, None, "1 classes of boxes", LINE, limit=("tally.MAX_BOX_CLASSES", 0)),
    Case("LV222", "-i--", LINE + b"\n" + second(BOX), None, None, "1 and 1 names", BOX + b"\n" + second(BOX)),
    # The successor
    Case("LV220", "---e", BOTH + b"\n" + second(LINE), b'{"source-ref":"s3://bucket/b.png"', "",
         'lacks "m-ref", which line 1 has', BOTH + b"\n" + second(BOTH), related=1),
    Case("LV221", "---i", LINE, b'"x":', "/x", '"x"', LINE.replace(b'"x', b'"anomaly-label'), '"anomaly-label"'),
]  # fmt: skip

ELSEWHERE = {"LV011", "LV230", "LV231"}  # of the file's name, and of two manifests: tests/validation/test_pair.py


def found(data: bytes, profile: str, code: str) -> list[dict[str, object]]:
    findings = read_manifest(data, profile=profile).findings
    assert findings.equals(validate_manifest(data, profile=profile))
    return [row for row in findings.to_pylist() if row["code"] == code]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_a_rule_finds_its_fault_and_nothing_like_it(case, monkeypatch):
    if case.limit:
        monkeypatch.setattr(f"lvtools.manifest.{case.limit[0]}", case.limit[1])
    rule = next(rule for rule in RULES if rule.code == case.code)
    for profile, letter in zip(PROFILES, case.severities, strict=True):
        rows = found(case.data, profile, case.code)
        assert found(case.near, profile, case.code) == []
        if letter == "-":
            assert rows == [], profile
            continue
        at = (None, None, None)
        if case.code == "LV025":
            at = oracle.place(case.data, 5 + 63)
        elif case.at is not None:
            at = oracle.place(case.data, case.data.index(case.at))
        severity = {"e": "error", "w": "warning", "i": "info"}[letter]
        assert rows == [
            {
                "file": "<bytes>",
                "line": at[0],
                "column": at[1],
                "byte_offset": at[2],
                "pointer": case.pointer,
                "code": case.code,
                "severity": severity,
                "value": case.value,
                "expected": case.expected,
                "related_line": case.related,
                "rekognition_code": rule.rekognition,
            }
        ], profile


def test_every_rule_of_a_manifest_has_a_case():
    known = [rule.code for rule in RULES if rule.code[2] in "012" and rule.code not in ELSEWHERE]
    assert sorted({case.code for case in CASES}) == sorted(known)


def test_the_catalogue_names_no_severity_that_never_shows():
    shown = {case.code: case.severities for case in CASES}
    for rule in RULES:
        if rule.code in shown:
            letters = "".join({"off": "-"}.get(s := rule.severity_in(p), s[0]) for p in PROFILES)
            assert letters == shown[rule.code], rule.code


@pytest.mark.parametrize("line", [LINE, BOX, MULTI, MASK])
def test_the_plain_lines_are_clean(line):
    assert validate_manifest(line, profile="groundtruth").num_rows == 0
    assert set(validate_manifest(line, profile="lookoutvision")["code"].to_pylist()) <= {
        "LV115",
        "LV203",
        "LV210",
        "LV217",
    }


@pytest.mark.parametrize("sign", ["a", "ä"])
@pytest.mark.parametrize(
    ("line", "name"), [(LINE, b'"normal"'), (BOX, b'"dog"'), (MULTI, b'"cat"'), (MASK, b'"crack"')], ids=len
)
def test_names_have_256_characters_at_most_wherever_they_stand(line, name, sign):
    for length in (255, 256, 257):
        long = swap(line, name, f'"{sign * length}"'.encode())
        for profile in ("groundtruth", "marketplace") + (("rekognition",) if line is not MASK else ()):
            rows = found(b"\n".join((line, second(long), swap(long, b"a.png", b"c.png"))), profile, "LV123")
            assert [row["line"] for row in rows] == ([2, 3] if length > 256 else []), (profile, length)


def test_the_limits_are_those_of_the_guides():
    from lvtools.manifest import attributes, crossline, read, rules, scan, tally

    assert (scan.MAX_LINE_CHARS, scan.MAX_FILE_BYTES, crossline.MAX_LINES) == (100_000, 2**30, 250_000)
    assert (read.MAX_ENTRY_CHARS, attributes.MAX_BOXES, attributes.MAX_MASK_CLASSES) == (8192, 50, 20)
    assert (crossline.MIN_NORMAL, crossline.MIN_ANOMALY, crossline.MIN_SPLIT) == (20, 10, 10)
    assert (crossline.MAX_TRAIN, crossline.MAX_TEST) == (16_000, 4_000)
    assert (crossline.MAX_MASKED_TRAIN, crossline.MAX_MASKED_TEST) == (8_000, 800)
    assert (crossline.MAX_OBJECTS, crossline.MAX_MASKED_OBJECTS, crossline.MAX_INVALID) == (100_000, 20_000, 0.2)
    assert (rules.MAX_VALUE_CHARS, rules.MAX_LABELS) == (20_000, 50)
    assert (tally.MIN_LABELS, tally.MAX_LABELS, tally.MAX_TYPES, tally.LISTING) == (2, 250, 100, 1000)
    assert (tally.MIN_TYPE_SINGLE, tally.MIN_TYPE_SPLIT, tally.MAX_BOX_CLASSES) == (20, 10, 50)


# The line codes of Rekognition Custom Labels (debugging pages), as profile 'rekognition' gives them.

NO_BOXES = swap(swap(BOX, ANNOTATION, b""), b'{"confidence":1}', b"")
DOCUMENTED = {
    "ERROR_MISSING_SOURCE_REF": [swap(BOX, b"source-ref", b"source-rel"), swap(BOX, b"source-ref", b"source")],
    "ERROR_INVALID_SOURCE_REF_FORMAT": [swap(BOX, b"s3://", b"https://"), swap(BOX, b"s3://bucket/", b"")],
    "ERROR_NO_LABEL_ATTRIBUTES": [
        swap(BOX, b'"b-metadata"', b'"b-metadat"'),
        swap(BOX, b'"b":', b'"bb":'),
        b'{"source-ref":"s3://bucket/a.png","b":0}',
    ],
    "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT": [
        swap(BOX, b'"image_size"', b'"size"'),
        swap(BOX, b'"annotations"', b'"notes"'),
        swap(BOX, b'"top":20,', b""),
        swap(LINE, b'"x":1', b'"x":"1"'),
    ],
    "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT": [
        swap(BOX, b'"class-map"', b'"map"'),
        swap(BOX, b'"human-annotated"', b'"human"'),
        swap(BOX, b'"type"', b'"typ"'),
        swap(BOX, b'"creation-date"', b'"date"'),
        swap(LINE, b'"confidence"', b'"conf"'),
    ],
    "ERROR_NO_VALID_LABEL_ATTRIBUTES": [swap(BOX, b"object-detection", b"wrongtype")],
    "ERROR_MISSING_BOUNDING_BOX_CONFIDENCE": [
        swap(BOX, b'[{"confidence":1}]', b"[]"),
        swap(BOX, b'[{"confidence":1}]', b"[{}]"),
        swap(BOX, b'"objects"', b'"object"'),
    ],
    "ERROR_MISSING_CLASS_MAP_ID": [swap(BOX, b'"class_id":0', b'"class_id":7')],
    "ERROR_INVALID_JSON_LINE": [BOX[:-1], b"", b"[]", BOX.replace(b'"', b"'")],
    "ERROR_INVALID_IMAGE_DIMENSION": [swap(BOX, b'"height":480', b'"height":63')],
    "ERROR_INVALID_BOUNDING_BOX": [swap(BOX, b'"left":10', b'"left":-1'), swap(BOX, b'"top":20', b'"top":441')],
    "ERROR_NO_VALID_ANNOTATIONS": [swap(BOX, b'"left":10', b'"left":-1')],
    "ERROR_BOUNDING_BOX_TOO_SMALL": [
        swap(BOX, b'"height":40', b'"height":1'),
        # 2 x 2 of 4000 is 0.64 x 0.64 of 1280
        swap(swap(BOX, b'"width":640', b'"width":4000'), b'"width":30,"height":40', b'"width":2,"height":2'),
    ],
    "ERROR_TOO_MANY_BOUNDING_BOXES": [next(case.data for case in CASES if case.code == "LV155")],
    "ERROR_UNSUPPORTED_USE_CASE_TYPE": [swap(BOX, b"object-detection", b"wrongtype"), MASK],
    "ERROR_INVALID_LABEL_NAME_LENGTH": [swap(BOX, b'"dog"', b'"' + b"d" * 257 + b'"')],
    "WARNING_UNANNOTATED_RECORD": [b'{"source-ref":"s3://bucket/a.png"}'],
    "WARNING_NO_ANNOTATIONS": [NO_BOXES],
    "WARNING_NO_ATTRIBUTE_ANNOTATIONS": [NO_BOXES],
}


def rekognition_codes(data: bytes) -> dict[str, set[str]]:
    rows = validate_manifest(data, profile="rekognition").to_pylist()
    codes: dict[str, set[str]] = {}
    for row in rows:
        if row["line"] is None:
            continue  # about the file: too few labels, too many bad lines
        codes.setdefault(row["rekognition_code"], set()).add(row["severity"])
    return codes


@pytest.mark.parametrize(
    ("code", "line"), [(code, line) for code, lines in DOCUMENTED.items() for line in lines], ids=lambda x: str(x)[:50]
)
def test_documented_line_codes(code, line):
    codes = rekognition_codes(line + b"\n" + second(BOX))
    assert codes[code] == {code.split("_")[0].lower()}
    assert not rekognition_codes(BOX)


EXAMPLES = {  # page, what we say about it: code and severity
    "1.json": {("LV005", "error")},
    "2.json": {("LV005", "error")},
    "3.json": {("LV005", "error")},
    "4.notjson.txt": {("LV020", "error")},  # '#annotation object' in the middle
    "5.notjson.txt": {("LV020", "error")},
    "6.json": {("LV005", "error"), ("LV110", "warning")},
    "7.json": {("LV005", "error"), ("LV157", "warning"), ("LV158", "warning")},
    "8.json": {("LV005", "error"), ("LV157", "warning"), ("LV158", "warning")},
    "9.json": {("LV005", "error"), ("LV115", "error"), ("LV116", "error")},
}
GUIDE = ("data", "manifests", "docs-examples")
PAGE = "rekognition-tm-debugging-json-line-errors-"


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_guides_own_examples(name):
    findings = validate_manifest(shared(*GUIDE, PAGE + name), profile="rekognition").to_pylist()
    assert {(row["code"], row["severity"]) for row in findings} == EXAMPLES[name]
    if name.startswith("4"):
        data = shared(*GUIDE, PAGE + name).read_bytes()
        assert [row["byte_offset"] for row in findings] == [data.index(b"#annotation")]


def test_the_guides_cures_spoiled_again():
    cure = shared(*GUIDE, PAGE + "1.json").read_bytes()
    line = json.dumps(json.loads(cure)).encode()
    assert rekognition_codes(line) == {}
    assert "ERROR_NO_LABEL_ATTRIBUTES" in rekognition_codes(line.replace(b'"bounding-box-metadata"', b'"metadata"'))
    assert "ERROR_MISSING_CLASS_MAP_ID" in rekognition_codes(swap(line, b'"1": "Echo Dot"', b'"2": "Echo Dot"'))
    assert "ERROR_INVALID_IMAGE_DIMENSION" in rekognition_codes(swap(line, b'"width": 640', b'"width": 5000'))
    assert "ERROR_NO_VALID_ANNOTATIONS" in rekognition_codes(
        swap(swap(line, b'"left": 399', b'"left": 3990'), b'"left": 86', b'"left": 860')
    )


@pytest.mark.parametrize(
    ("old", "new", "pointer", "sign"),
    [
        (b'"class-name"', '"class-name\u200b"', X + "/class-name\u200b", "U+200B"),
        (b'"x":1', '"x\\u0007":1', "/x\u0007", "U+0007"),
        (b'"normal"', '"\u202enormal"', X + "/class-name", "U+202E"),
        (b'"normal"', '"nor\u00admal"', X + "/class-name", "U+00AD"),
        (b'"normal"', '"normal\x7f"', X + "/class-name", "U+007F"),
        (b'"source-ref"', '"\ufeffsource-ref"', "/\ufeffsource-ref", "U+FEFF"),
        (b'"normal"', '"a\u200db"', X + "/class-name", "U+200D"),
    ],
)
def test_signs_that_nobody_sees_are_named_wherever_they_stand(old, new, pointer, sign):
    rows = found(swap(LINE, old, new.encode()), "groundtruth", "LV140")
    assert [(row["pointer"], row["value"][:6]) for row in rows] == [(pointer, sign)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"{'a': 1}", "a printed Python dict"),
        (b'{"a": None}', "Python: None, where JSON writes null"),
        (b'{"a": True}', "Python: True, where JSON writes true"),
        (b'{"a": [-Infinity]}', "Infinity, which Python and JavaScript print"),
        (b'{"a": undefined}', "JavaScript: undefined"),
        (b'{"b": 1, a: 1}', "a JavaScript object: the key a has no quotes"),
        (b'{"a": yes}', None),
        (b"ERROR: no such file", None),
        (b"{'a", "a printed Python dict"),
    ],
)
def test_dialects_are_named(line, words):
    (row,) = validate_manifest(line, profile="groundtruth").to_pylist()
    assert row["code"] == ("LV020" if words is None else "LV029")
    assert words is None or row["value"].startswith(words)


def test_the_successor_reads_normal_and_anomaly_and_wants_the_same_attributes():
    data = LINE + b"\n" + second(BOTH)
    (row,) = found(data, "marketplace", "LV220")
    assert row["value"] == 'has "m-ref", which line 1 lacks'
    table = read_manifest(swap(LINE, b'"normal"', b'"Normal"'), profile="marketplace").entries
    assert table["class_name"].to_pylist() == ["normal"]
    assert read_manifest(data).profile == "lookoutvision"  # 'auto' never takes it


# Against the naive reader


@given(st.lists(strategies.entries(), min_size=1, max_size=3), st.sampled_from(PROFILES))
@settings(max_examples=150, deadline=None)
def test_entries_equal_the_naive_reader(values, profile):
    data = b"\n".join(json.dumps(value).encode() for value in values)
    table = read_manifest(data, profile=profile).entries.to_pylist()
    for value, row in zip(values, table, strict=True):
        assert row["source_ref"] == oracle.source_ref(value)
        assert row["class_name"] == oracle.class_name(value, profile)
        if profile != "rekognition":  # which has no masks
            assert row["mask_ref"] == oracle.mask_ref(value)
        expected = oracle.boxes(value)
        boxes = row["boxes"]
        if boxes is not None:
            boxes = [(box["class_name"], *(box[side] for side in ("left", "top", "width", "height"))) for box in boxes]
        assert boxes == expected


SIDES = st.integers(-2, 5000) | st.floats(-2, 5000) | st.sampled_from([0, 1, 1.5, 2, 3, 3.2, 64, 100])


@given(
    st.fixed_dictionaries(dict.fromkeys(("left", "top", "width", "height"), SIDES)),
    st.integers(64, 4096),
    st.integers(64, 4096),
)
@settings(max_examples=200, deadline=None)
def test_boxes_equal_the_naive_check(box, width, height):
    line = json.loads(BOX)
    line["b"]["image_size"][0] |= {"width": width, "height": height}
    line["b"]["annotations"] = [{"class_id": 0, **box}]
    codes = set(rekognition_codes(json.dumps(line).encode()))
    fault = oracle.box_fault(box, width, height)
    assert codes == ({fault, "ERROR_NO_VALID_ANNOTATIONS", "ERROR_NO_VALID_LABEL_ATTRIBUTES"} if fault else set())
