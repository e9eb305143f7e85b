"""Lines kept as places: they come back as they were, in any order, from files, packed files, bytes and the spool."""

import gzip
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvtools.manifest import merge_manifests
from lvtools.manifest.edit import places as room
from lvtools.manifest.edit.again import rereadable
from lvtools.manifest.edit.lines import Line, read_lines
from lvtools.manifest.edit.places import PlacedLines, Places
from lvtools.objects import Spool

LINE = st.binary(max_size=30).map(lambda data: data.replace(b"\n", b"x"))


@settings(deadline=None, max_examples=200)
@given(
    lines=st.lists(LINE), end=st.sampled_from([b"", b"\n"]), bom=st.booleans(), seed=st.integers(0, 99),
    piece=st.sampled_from([1, 40, 10**6]), made=st.sets(st.integers(0, 9)), as_file=st.booleans(),
)  # fmt: skip
def test_lines_come_back(tmp_path_factory, lines, end, bom, seed, piece, made, as_file):
    data = b"\xef\xbb\xbf" * bom + b"\n".join(lines) + end
    source = data
    if as_file:
        source = tmp_path_factory.getbasetemp() / "places.manifest"
        source.write_bytes(data)
    expected = list(read_lines(source))
    with pytest.MonkeyPatch.context() as patch, rereadable(source) as again, Spool() as spool:
        patch.setattr(room, "PIECE_BYTES", piece)
        kept = Places([again], spool)
        placed = PlacedLines(again, None)
        starts = []
        for line in placed:
            kept.add(line, 0, placed.start)
            starts.append(placed.start)
        assert [kept.line(at) for at in range(len(kept))] == expected
        assert list(kept.raws()) == [line.raw for line in expected]
        order = list(range(len(expected)))
        random.Random(seed).shuffle(order)
        for at, other in enumerate(order):
            kept.put(at, expected[other], 0, starts[other])
        for at in made & set(order):
            kept.rewrite(at, Line("", 0, b"new %d\n" % at, None))
        wanted = [b"new %d\n" % at if at in made else expected[other].raw for at, other in enumerate(order)]
        assert list(kept.raws()) == wanted
        assert [kept.line(at).number for at in range(len(kept))] == [expected[other].number for other in order]


def test_without_a_spool_lines_stay():
    with rereadable(b"{}\n") as again:
        kept = Places([again])
        kept.add(next(iter(PlacedLines(again, None))), 0, 0)
        with pytest.raises(ValueError, match="no spool"):
            kept.rewrite(0, kept.line(0))


@pytest.mark.parametrize("on_conflict", ["first", "last", "newest", "join", "keep-all"])
def test_merging_is_the_same_from_everywhere(tmp_path, on_conflict):
    line = b'{"source-ref":"s3://bucket/%d.png","%s":%d}\n'
    first = b"".join(line % (n, b"a", n) for n in range(40)) + b"\n"
    second = b"\xef\xbb\xbf" + b"".join(line % (n, b"b" if n % 2 else b"a", n) for n in range(20, 60)).rstrip(b"\n")
    plain = merge_manifests([first, second, second], on_conflict=on_conflict)
    (tmp_path / "a").write_bytes(first)
    (tmp_path / "b.gz").write_bytes(gzip.compress(second))
    (tmp_path / "b").write_bytes(second)
    names = [tmp_path / name for name in ("a", "b.gz", "b")]
    report = merge_manifests(names, tmp_path / "a", on_conflict=on_conflict)  # over a source: read before it is written
    assert (tmp_path / "a").read_bytes() == plain.data
    assert (report.lines, report.kept, report.same) == (plain.lines, plain.kept, plain.same)
