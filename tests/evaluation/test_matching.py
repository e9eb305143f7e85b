import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvtools.errors import ArgumentError, FormatError
from lvtools.evaluation.matching import file_name, file_stem, match_rows
from lvtools.findings import FindingList
from lvtools.formats.registry import PREDICTION_SCHEMA
from tests.evaluation import oracle


def side(refs, classes=None):
    size = len(refs)
    classes = classes or ["normal"] * size
    empty = [None] * size
    return pa.table([refs, classes, empty, empty, empty, empty, list(range(1, size + 1))], schema=PREDICTION_SCHEMA)


def matched(truth, predictions, **options):
    notes = FindingList("t"), FindingList("p")
    return match_rows(truth, predictions, *notes, **options), *(
        one.table().select(["code", "value", "line"]).to_pylist() for one in notes
    )


refs = st.lists(
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "a/", "s3://b/"]),
        st.sampled_from("xyz"),
        st.sampled_from(["", ".jpg", ".png"]),
    ),
    max_size=6,
)


@given(refs, refs)
def test_pairs_equal_a_plain_search(truth, predictions):
    expected = oracle.match(truth, predictions)
    if expected is None:
        with pytest.raises(FormatError, match="no image in common"):
            matched(side(truth), side(predictions))
        return
    result, _, _ = matched(side(truth), side(predictions))
    level, pairs = expected
    assert result.by == level
    assert [(truth[t], predictions[p]) for t, p in result.pairs] == pairs
    assert set(result.missing) == set(truth) - {t for t, _ in pairs}
    assert set(result.extra) == set(predictions) - {p for _, p in pairs}


def test_nothing_is_dropped_in_silence():
    truth = side(["a", "b", "c", "a", "b"], ["normal", "normal", None, "normal", "anomaly"])
    result, true_notes, called_notes = matched(truth, side(["a", "z", "c", "z"]))
    assert (result.pairs, result.missing, result.extra, result.unlabeled) == ([(0, 0)], ["b"], ["z"], ["c"])
    assert result.duplicates == ["a", "b", "z"]
    assert [(one["code"], one["value"], one["line"]) for one in true_notes] == [
        ("LV401", "b", 2),
        ("LV408", "c", 3),
        ("LV403", "a", 4),
        ("LV404", "b", 5),
    ]
    assert [(one["code"], one["value"], one["line"]) for one in called_notes] == [("LV402", "z", 2), ("LV403", "z", 4)]


def test_a_forced_level_says_why_it_fails():
    with pytest.raises(ArgumentError, match=r"t has both 'a/x.jpg' and 'b/x.jpg'"):
        matched(side(["a/x.jpg", "b/x.jpg"]), side(["x.jpg"]), level="name")
    with pytest.raises(FormatError, match=r"matched by exact; the truth has 'a/x.jpg'; the predictions have 'x.jpg'"):
        matched(side(["a/x.jpg"]), side(["x.jpg"]), level="exact")
    with pytest.raises(ArgumentError, match="match is 'fuzzy'"):
        matched(side(["a"]), side(["a"]), level="fuzzy")
    with pytest.raises(FormatError, match="file names do not decide"):
        matched(side(["a/x.jpg", "b/x.jpg"]), side(["x.jpg"]))


def test_names():
    assert [file_name(ref) for ref in ("s3://b/k/x.jpg", "C:\\d\\x.jpg", "x.jpg", "k/")] == ["x.jpg"] * 3 + ["k"]
    assert [file_stem(ref) for ref in ("x.jpg", "a/x.JPEG.json", "x", "board.v2", "board.v2.png", ".png")] == [
        "x"
    ] * 3 + ["board.v2"] * 2 + [".png"]
