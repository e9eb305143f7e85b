"""A file read line by line gives what the same bytes give as a whole."""

import os
import threading

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvtools.findings import FindingList
from lvtools.formats import registry
from lvtools.formats.jsonitems import json_items, lines_of
from lvtools.formats.predictions import read_predictions
from lvtools.formats.registry import Input

LINE = st.one_of(
    st.dictionaries(st.sampled_from(["image", "label"]), st.text(max_size=5), max_size=2).map(orjson.dumps),
    st.sampled_from([b"", b"  ", b"{", b"[1]", b"7", b'{"a": 1} x', b"\xff", b"{}\r"]),
)


@given(st.lists(st.binary(max_size=5) | st.just(b"\n"), max_size=12))
def test_lines_do_not_depend_on_blocks(blocks):
    whole = b"".join(blocks)
    expected = [(at, text) for at, text in enumerate(whole.split(b"\n"), 1)]
    if not expected[-1][1]:
        expected.pop()
    first = lambda at, text: text.removeprefix(b"\xef\xbb\xbf") if at == 1 else text  # noqa: E731
    assert list(lines_of(blocks)) == [(at, first(at, text)) for at, text in expected]


@given(st.lists(LINE, max_size=6), st.sampled_from([b"\n", b"\n\n"]), st.booleans(), st.integers(1, 40))
def test_a_file_line_by_line_is_the_file_as_a_whole(tmp_path_factory, lines, between, mark, block):
    data = (b"\xef\xbb\xbf" if mark else b"") + between.join(lines)
    path = tmp_path_factory.mktemp("lines") / "a.jsonl"
    path.write_bytes(data)
    answers = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_BLOCK_BYTES", block)
        for source in (str(path), data):
            findings = FindingList("x")
            opened = Input(source)
            answers.append((opened.first, list(opened.items(findings)), findings.table().to_pylist(), opened.head))
    assert answers[0] == answers[1]


def test_a_file_line_by_line_is_never_read_whole(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"image": "a.jpg", "label": "normal"}\n' * 3)
    opened = Input(path)
    assert len(list(opened.items(FindingList("x")))) == 3
    assert "data" not in opened.__dict__


def test_arrays_and_spread_documents_are_still_read(tmp_path):
    for name, data in (("array", b'[{"image": "a", "label": "x"}]'), ("spread", b'{\n"image": "a",\n"label": "x"}')):
        path = tmp_path / f"{name}.json"
        path.write_bytes(data)
        assert read_predictions(path).table["source_ref"].to_pylist() == ["a"]
        assert list(Input(path).items(FindingList(""))) == list(json_items(memoryview(data), "", FindingList("")))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX's")
def test_a_named_pipe_gives_its_bytes_once(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b'{"image": "a", "label": "x"}\n' * 2,))
    writer.start()
    assert read_predictions(str(pipe)).table["line"].to_pylist() == [1, 2]
    writer.join()
