import os
import subprocess
import sys
import zlib

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvtools.errors import ObjectError
from lvtools.masks.journal import MAGIC, Journal

SETTINGS = {"alpha": "opaque", "color_map": [["crack", 1]]}


def written(path, records, **how):
    with Journal(str(path), SETTINGS, **how) as journal:
        return [journal.append(record) for record in records]


def reference(data):
    """The whole records of a journal's bytes, read in the plainest way: (settings, [record]), or None."""
    if not data.startswith(MAGIC):
        return None
    found, rest = [], data[len(MAGIC) :]
    while len(rest) >= 18:
        try:
            size = int(rest[9:17], 16)
        except ValueError:
            break
        body = rest[18 : 18 + size]
        if rest[: 18 + size + 1] != b"%08x %08x %s\n" % (zlib.crc32(body), size, body):
            break
        found.append(orjson.loads(body))
        rest = rest[18 + size + 1 :]
    return (found[0], found[1:]) if found else None


names = st.text(st.characters(codec="utf-8"), max_size=5)
records = st.lists(
    st.tuples(names, st.lists(st.integers(0, 2**40), min_size=1, max_size=2), st.text("ab\n\x00é", max_size=40)),
    max_size=12,
)


@given(records, st.data())
def test_any_cut_and_any_damage_leave_the_whole_records_before_it(tmp_path_factory, given_records, data):
    path = tmp_path_factory.mktemp("journal") / "out.partial"
    written(path, [["first", [1], "x"], *map(list, given_records)])
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole)), "cut")
    bad = bytearray(whole[:cut])
    if bad and data.draw(st.booleans(), "damaged as well"):
        at = data.draw(st.integers(min(len(MAGIC), len(bad) - 1), len(bad) - 1), "where")
        bad[at] ^= data.draw(st.integers(1, 255), "bits")
    path.write_bytes(bad)
    if bytes(bad[: len(MAGIC)]) != MAGIC[: len(bad)]:
        with pytest.raises(ObjectError, match="no journal"):
            Journal(str(path), SETTINGS, resume=True)
        assert path.read_bytes() == bad
        return
    left = reference(bytes(bad))
    kept = left[1] if left else []
    newest = {name: [name, version, text] for name, version, text in kept}
    more = ["first", [9], "new"]
    with Journal(str(path), SETTINGS, resume=True) as journal:
        for name, version, _ in given_records:
            place = journal.find(name, version)
            expected = newest.get(name)
            if expected is not None and expected[1] == version:
                assert journal.read(place) == expected
            else:
                assert place is None
        assert journal.read(journal.append(more)) == more
    assert reference(path.read_bytes()) == (orjson.loads(orjson.dumps(SETTINGS)), [*kept, more])


def test_every_cut_of_one_journal(tmp_path):
    path = tmp_path / "out.partial"
    places = written(path, [["a", [1], "x" * 9], ["b", [2], "y"], ["a", [3], ""]])
    whole = path.read_bytes()
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        with Journal(str(path), SETTINGS, resume=True) as journal:
            found = journal.find("a", [1]), journal.find("b", [2]), journal.find("a", [3])
        ends = [*places[1:], len(whole)]
        there = [place if cut >= end else None for place, end in zip(places, ends, strict=True)]
        assert found == (None if there[2] else there[0], there[1], there[2])


def test_without_a_record_nothing_stays(tmp_path):
    path = tmp_path / "out.partial"
    written(path, [])
    assert not path.exists()
    written(path, [["a", [1]]])
    written(path, [], resume=True)
    assert path.exists()
    with Journal(str(path), SETTINGS, resume=True) as journal:
        journal.discard()
    assert os.listdir(tmp_path) == []


def test_what_is_refused_stays_as_it_is(tmp_path):
    path = tmp_path / "out.partial"
    written(path, [["a", [1]]])
    whole = path.read_bytes()
    with pytest.raises(ObjectError, match="interrupted run") as refusal:
        Journal(str(path), SETTINGS)
    assert "--resume" in refusal.value.hint
    with pytest.raises(ObjectError, match="other settings") as refusal:
        Journal(str(path), {**SETTINGS, "alpha": "any"}, resume=True)
    assert '"alpha":"opaque"' in refusal.value.message
    assert path.read_bytes() == whole
    path.write_bytes(b"somebody's notes")
    with pytest.raises(ObjectError, match="no journal"):
        Journal(str(path), SETTINGS, resume=True)
    assert path.read_bytes() == b"somebody's notes"
    with pytest.raises(ObjectError, match="cannot be written"):
        Journal(str(tmp_path / "none" / "out.partial"), SETTINGS)


def test_one_process_at_a_time(tmp_path):
    path = tmp_path / "out.partial"
    with Journal(str(path), SETTINGS) as journal:
        journal.append(["a", [1]])
        journal.flush()
        code = (
            "import sys; from lvtools.masks.journal import Journal; from lvtools.errors import ObjectError\n"
            "try: Journal(sys.argv[1], {}, resume=True)\nexcept ObjectError as error: print(error.message)"
        )
        done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
        assert done.stdout == "another process is writing this\n"


def test_a_journal_changed_behind_our_back(tmp_path):
    path = tmp_path / "out.partial"
    with Journal(str(path), SETTINGS) as journal:
        place = journal.append(["a", [1]])
        journal.flush()
        path.write_bytes(path.read_bytes()[:-4] + b"junk")
        with pytest.raises(ObjectError, match="changed by somebody else"):
            journal.read(place)


def test_a_full_disk_is_told_and_what_is_whole_stays():
    with Journal(None, SETTINGS) as journal:
        full = os.open("/dev/full", os.O_RDWR)
        os.dup2(full, journal._fd)
        os.close(full)
        journal.append(["a", [1]])
        with pytest.raises(ObjectError, match="No space left"):
            journal.flush()


def test_a_nameless_journal_reads_back_more_than_its_buffers():
    with Journal(None, SETTINGS) as journal:
        places = [journal.append([str(k), [k], "x" * 5000]) for k in range(300)]
        for k in (0, 299, 150, 151, 0):
            assert journal.read(places[k]) == [str(k), [k], "x" * 5000]
