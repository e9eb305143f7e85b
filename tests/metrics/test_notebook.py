"""Every result shows itself in a notebook, and nothing out of data becomes markup there."""

import html.parser

import numpy as np
import pyarrow as pa
import pytest

import lvtools as lv
from lvtools.metrics import PixelState
from lvtools.text import html_table, ratio_text, short_number

EVIL = "<script>alert(1)</script>\"'&\x1b[31m\u202e"
INDEX = np.array([[0, 1], [1, 0]], np.uint8)

RESULTS = {
    "confusion": lambda: lv.confusion([EVIL, "b"], ["b", EVIL]),
    "sweep": lambda: lv.sweep([True, False], [0.9, 0.1]),
    "empty sweep": lambda: lv.sweep([], []),
    "binned": lambda: lv.BinnedSweep.of([True, False], [0.9, 0.1]),
    "pixel state": lambda: PixelState.of(INDEX, INDEX.T.copy(), ("background", EVIL)),
    "pixel confusion": lambda: lv.pixel_confusion(INDEX, INDEX, {"background": 0, EVIL: 1}),
    "regions": lambda: lv.region_report([np.eye(3)], [np.eye(3, dtype=int)], 0.5),
    "comparison": lambda: lv.compare([EVIL], ["b"], [EVIL], positive=EVIL, replicates=5),
    "evaluation": lambda: lv.evaluate(
        pa.table({"image": [EVIL], "label": [EVIL]}),
        pa.table({"image": [EVIL], "label": ["b"]}),
    ),
}


class Tags(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.words = [], set(), ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        assert attrs == []
        self.open.append(tag)
        self.seen.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data


@pytest.mark.parametrize("name", RESULTS)
def test_tables_are_whole_and_escaped(name):
    text = RESULTS[name]()._repr_html_()
    tags = Tags(text)
    assert tags.open == []
    assert tags.seen <= {"table", "caption", "tr", "th", "td", "h4", "p"}
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_what_the_tables_say():
    assert "0.5000" in Tags(lv.sweep([True, False, True], [0.5, 0.5, 0.5])._repr_html_()).words
    pixels = Tags(RESULTS["pixel state"]()._repr_html_()).words
    assert "Pixels of 1 images" in pixels
    assert "1.0000" in pixels
    assert Tags(lv.BinnedSweep.of([True, False], [0.9, 0.1])._repr_html_()).words.count("1.0000") == 6
    assert html_table(None, [("a", "<")]) == "<table><tr><th>a</th><td>&lt;</td></tr></table>"
    assert [ratio_text(value) for value in (0.5, float("nan"), float("inf"))] == ["0.5000", "-", "inf"]
    numbers = [0.5, 1.0, 0.2581, float("inf"), None, float(np.nextafter(1, 2))]
    assert [short_number(value) for value in numbers] == ["0.5", "1", "0.2581", "none", "none", "above 1"]
