import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvtools.errors import ArgumentError
from lvtools.metrics.class_columns import NULL
from lvtools.metrics.image import OTHER, ConfusionMatrix, confusion
from tests.laws import check_state_laws
from tests.metrics import oracle

labels = st.sampled_from(["normal", "anomaly", "dent", "Ünïcode", "<b>", ""])
pairs = st.lists(st.tuples(labels | st.none(), labels | st.none()), max_size=70)


def sides(drawn):
    return [t for t, _ in drawn], [p for _, p in drawn]


def as_cells(matrix):
    return {(row["truth"], row["prediction"]): row["count"] for row in matrix.to_table().to_pylist() if row["count"]}


def none_to(name, values):
    return [name if value is None else value for value in values]


@given(pairs)
def test_counts_equal_a_plain_loop(drawn):
    truth, prediction = sides(drawn)
    matrix = confusion(pa.array(truth, pa.string()), pa.array(prediction, pa.string()))
    assert as_cells(matrix) == oracle.cells(none_to(NULL, truth), none_to(NULL, prediction))
    assert matrix.total == len(drawn)
    for name in matrix.named_classes:
        tp, fp, fn, tn = oracle.rates(truth, prediction, name)
        assert (matrix.tp(name), matrix.fp(name), matrix.fn(name), matrix.tn(name)) == (tp, fp, fn, tn)


@given(st.lists(pairs, min_size=1, max_size=5), st.sampled_from([None, ["normal", "anomaly"], ["dent"], []]))
def test_state_laws(drawn, classes):
    batches = [ConfusionMatrix.of(*sides(part), classes) for part in drawn]
    whole = ConfusionMatrix.of(*sides([pair for part in drawn for pair in part]), classes)
    check_state_laws(ConfusionMatrix, batches, whole)


@given(
    st.lists(
        st.tuples(pairs, st.permutations(["normal", "anomaly", "dent"]), st.integers(0, 3)), min_size=3, max_size=3
    )
)
def test_laws_hold_between_different_class_lists(drawn):
    check_state_laws(ConfusionMatrix, [ConfusionMatrix.of(*sides(part), order[:n]) for part, order, n in drawn])


@given(pairs)
def test_no_row_disappears_when_classes_are_named(drawn):
    truth, prediction = sides(drawn)
    matrix = confusion(truth, prediction, classes=["anomaly", "normal"])
    expected = [
        [name if name in ("anomaly", "normal", NULL) else OTHER for name in none_to(NULL, side)]
        for side in (truth, prediction)
    ]
    assert as_cells(matrix) == oracle.cells(*expected)
    assert matrix.classes[:2] == ("anomaly", "normal")


@settings(deadline=None)  # the twin's first import takes seconds
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=60))
def test_scikit_learn_agrees(drawn):
    metrics = pytest.importorskip("sklearn.metrics")
    truth, prediction = sides(drawn)
    matrix = confusion(truth, prediction)
    names = list(matrix.classes)
    if len(names) > 1:  # scikit-learn warns about a single label
        assert matrix.counts.tolist() == metrics.confusion_matrix(truth, prediction, labels=names).tolist()
    p, r, f, support = metrics.precision_recall_fscore_support(truth, prediction, labels=names, zero_division=np.nan)
    for at, name in enumerate(names):
        for ours, theirs in ((matrix.precision(name), p[at]), (matrix.recall(name), r[at]), (matrix.f1(name), f[at])):
            assert ours == pytest.approx(theirs, abs=1e-12, nan_ok=True)
        assert matrix.support(name) == support[at]
    assert matrix.accuracy() == pytest.approx(metrics.accuracy_score(truth, prediction), abs=1e-12)
    for average, ours in (
        ("macro", matrix.macro_f1()),
        ("micro", matrix.micro_f1()),
        ("weighted", matrix.weighted_f1()),
    ):
        theirs = metrics.f1_score(truth, prediction, labels=names, average=average, zero_division=np.nan)
        assert ours == pytest.approx(theirs, abs=1e-12)


def forms():
    words = ["a", None, "b", "a"]
    yield words
    yield pa.array(words)
    yield pa.array(words, pa.large_string())
    yield pa.array(words).dictionary_encode()
    yield pa.chunked_array([words[:1], [], words[1:]], pa.string())
    yield pa.chunked_array([pa.array(words[:2]).dictionary_encode(), pa.array(words[2:]).dictionary_encode()])
    yield np.array(words, object)
    # A sliced array, and a dictionary with a null and an unused word among its values.
    yield pa.array(["x", *words, "x"]).slice(1, 4)
    yield pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 0]), pa.array(["a", None, "b", "unused"]))


@pytest.mark.parametrize("form", list(forms()), ids=lambda form: type(form).__name__)
def test_every_form_of_a_column_counts_alike(form):
    assert confusion(form, form) == confusion(["a", None, "b", "a"], ["a", None, "b", "a"])


def test_numbers_and_booleans_are_class_names():
    assert confusion([True, False], np.array([True, True])).classes == ("false", "true")
    assert confusion([1, 0], [1.0, 0.0]).counts.tolist() == [[1, 0], [0, 1]]
    assert confusion([1.0, float("nan")], [1, None]).classes == ("1", NULL)
    pd = pytest.importorskip("pandas")
    assert confusion(pd.Series(["a", None]), pd.Categorical(["a", "b"], ["b", "a"])).classes == ("a", "b", NULL)


@pytest.mark.parametrize(
    "bad",
    [[0.25, 1.0], [["a"]], [b"a"], ["a", 1], np.zeros((2, 2)), 7],
    ids=lambda bad: type(bad).__name__ + str(bad)[:9],
)
def test_what_is_no_class_is_refused(bad):
    with pytest.raises(ArgumentError):
        confusion(bad, bad)


def test_arguments_are_checked():
    with pytest.raises(ArgumentError, match="truth has 2 rows, prediction 1"):
        confusion(["a", "b"], ["a"])
    with pytest.raises(ArgumentError, match="each must be named once"):
        confusion(["a"], ["a"], classes=["a", "a"])
    with pytest.raises(ArgumentError, match="'c' is none of the classes 'a', 'b'"):
        confusion(["a"], ["b"]).recall("c")
    with pytest.raises(ArgumentError, match="do not fit"):
        ConfusionMatrix(("a",), np.zeros((2, 2), np.int64))


def test_undefined_figures_are_nan():
    empty = ConfusionMatrix.empty()
    assert all(math.isnan(x) for x in (empty.accuracy(), empty.macro_f1(), empty.micro_f1(), empty.weighted_f1()))
    matrix = confusion(["a"], ["b"], classes=["a", "b", "c"])
    assert math.isnan(matrix.precision("a"))
    assert matrix.recall("a") == 0
    assert math.isnan(matrix.recall("b"))
    assert math.isnan(matrix.f1("c"))
    assert math.isnan(matrix.iou("c"))
    assert matrix.macro_f1() == 0


def test_missing_values_count_against_their_partner_and_are_never_correct():
    matrix = confusion(["a", None, None], [None, "a", None])
    assert (matrix.total, matrix.accuracy(), matrix.tp("a"), matrix.fp("a"), matrix.fn("a")) == (3, 0.0, 0, 1, 1)


def test_counts_cannot_be_changed():
    source = np.ones((1, 1), np.int64)
    matrix = ConfusionMatrix(("a",), source)
    source[0, 0] = 5
    assert matrix.total == 1
    with pytest.raises(ValueError, match="read-only"):
        matrix.counts[0, 0] = 2


def test_texts():
    matrix = confusion(["<b>", "a"], ["a", "a"])
    assert "&lt;b&gt;" in matrix._repr_html_()
    assert "<b>" not in matrix._repr_html_()
    assert "rows truth, columns prediction" in repr(matrix)
    assert matrix.per_class()["f1"].to_pylist() == [0.0, pytest.approx(2 / 3)]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=60))
def test_mcc_and_balanced_accuracy_equal_scikit_learns(drawn):
    metrics = pytest.importorskip("sklearn.metrics")
    truth, prediction = sides(drawn)
    matrix = confusion(truth, prediction)
    if len(set(truth)) > 1 and len(set(prediction)) > 1:
        assert matrix.mcc() == pytest.approx(metrics.matthews_corrcoef(truth, prediction), abs=1e-12)
    else:
        assert math.isnan(matrix.mcc())
    if set(prediction) <= set(truth):  # scikit-learn warns otherwise
        assert matrix.balanced_accuracy() == pytest.approx(
            metrics.recall_score(truth, prediction, average="macro"), abs=1e-12
        )
    assert math.isnan(ConfusionMatrix.empty().balanced_accuracy())
