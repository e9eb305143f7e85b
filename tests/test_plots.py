"""Plots hold the numbers they claim: artists are asked, no pixel is looked at."""

import math
import subprocess
import sys

import numpy as np
import orjson
import pyarrow as pa
import pytest

import lvtools as lv
from lvtools import plots
from lvtools.errors import ArgumentError, MissingDependencyError

figure = pytest.importorskip("matplotlib.figure")


@pytest.fixture
def ax():
    return figure.Figure().subplots()  # no pyplot: no window, nothing to close


@pytest.fixture(scope="module")
def sweep():
    rng = np.random.default_rng(0)
    truth = rng.random(120) < 0.4
    return lv.sweep(truth, rng.normal(size=120) + 1.5 * truth)


@pytest.fixture(scope="module")
def evaluation():
    rng = np.random.default_rng(1)
    truth = [{"image": f"{n}.png", "label": "anomaly" if n % 3 == 0 else "normal"} for n in range(60)]
    called = [
        {
            "image": row["image"],
            "score": float(np.clip(rng.normal(0.35 + 0.3 * (row["label"] == "anomaly"), 0.15), 0, 1)),
        }
        for row in truth
    ]
    return lv.evaluate(*(b"".join(orjson.dumps(row) + b"\n" for row in side) for side in (truth, called)))


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def area(x, y, *, steps):
    heights = y[1:] if steps else (y[1:] + y[:-1]) / 2
    return float((np.diff(x) * heights).sum())


def test_confusion_matrix(ax):
    matrix = lv.confusion(["a", "a", "b", None], ["a", "b", "b", "a"])
    assert plots.confusion_matrix(matrix, ax) is ax
    (image,) = ax.get_images()
    rows = matrix.counts.sum(1, keepdims=True)
    assert np.allclose(image.get_array(), matrix.counts / rows)
    said = {(t.get_position()[1], t.get_position()[0]): t.get_text() for t in ax.texts}
    assert said[0, 0] == "1\n50%"
    assert {place: int(text.split("\n")[0]) for place, text in said.items()} == dict(np.ndenumerate(matrix.counts))
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["a", "b", "(null)"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("prediction", "truth")


def test_counts_instead_of_shares_and_empty_rows(ax):
    matrix = lv.confusion(["a", "a"], ["b", "b"])
    plots.confusion_matrix(matrix, ax, shares=False)
    assert [t.get_text() for t in ax.texts] == ["0", "2", "0", "0"]
    assert ax.get_images()[0].get_array().tolist() == [[0, 1], [0, 0]]


def test_the_area_below_the_curves_is_what_the_legend_says(sweep, ax):
    plots.pr_curve(sweep, ax, label="model")
    x, y = ax.lines[0].get_data()
    assert ax.lines[0].get_drawstyle() == "steps-pre"
    assert area(x, y, steps=True) == pytest.approx(sweep.average_precision)
    assert labels(ax) == [f"model: AP {sweep.average_precision:.4f}"]
    other = figure.Figure().subplots()
    plots.roc_curve(sweep, other, threshold=0.5)
    assert area(*other.lines[0].get_data(), steps=False) == pytest.approx(sweep.auroc)
    point = sweep.point(0.5)
    assert [line.get_data()[0][0] for line in other.lines if line.get_marker() == "o"] == [point.fpr]
    assert labels(other) == [f"AUROC {sweep.auroc:.4f}", "threshold 0.5"]


def test_the_histogram_counts_every_finite_score(ax):
    found = lv.sweep([True, True, False, False, True], [0.1, 0.9, 0.2, -math.inf, math.inf])
    plots.score_histogram(found, ax, bins=4, threshold=0.5)
    assert [sum(bar.get_height() for bar in container) for container in ax.containers] == [1, 2]
    assert labels(ax) == ["normal (1)", "anomaly (2)", "threshold 0.5"]
    assert ax.lines[0].get_xdata()[0] == 0.5


def test_the_tradeoff_is_that_of_each_threshold(sweep, ax):
    plots.threshold_tradeoff(sweep, ax)
    for line, name in zip(ax.lines, ("precision", "recall", "f1"), strict=True):
        x, y = line.get_data()
        assert len(x) == 120
        assert y.tolist() == pytest.approx([getattr(sweep.point(at), name) for at in x])
    best = next(row for row in sweep.advise().to_pylist() if row["point"] == "best F1")
    (band,) = ax.patches
    assert band.get_x() == best["threshold_low"]
    assert band.get_x() + band.get_width() == pytest.approx(best["threshold_high"])


def test_an_evaluation_brings_its_threshold(evaluation, ax):
    plots.threshold_tradeoff(evaluation, ax)
    assert ax.lines[-1].get_xdata()[0] == evaluation.threshold == 0.5
    other = figure.Figure().subplots()
    plots.confusion_matrix(evaluation, other)
    assert len(other.texts) == 4
    assert "threshold 0.5" in labels(plots.pr_curve(evaluation, figure.Figure().subplots()))


@pytest.mark.parametrize("truth", [[], [True, True], [False, False]])
def test_one_sided_and_empty_data_is_drawn(truth):
    found = lv.sweep(truth, [0.1, 0.9][: len(truth)])
    for draw in (plots.pr_curve, plots.roc_curve, plots.score_histogram, plots.threshold_tradeoff):
        ax = figure.Figure().subplots()
        assert draw(found, ax) is ax
        ax.figure.canvas.draw()


def test_areas(ax):
    table = pa.table(
        {
            "class_name": ["background", "dent", "crack", "background", "dent", "crack", None],
            "area_px": [90, 10, 0, 70, 25, 5, 3],
            "area_fraction": [0.9, 0.1, 0.0, 0.7, 0.25, 0.05, 0.03],
        }
    )
    plots.areas(table, ax)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["dent\n2 masks", "crack\n1 masks"]
    medians = [line.get_ydata()[0] for line in ax.lines if line.get_color() == "C1"]
    assert medians == pytest.approx([17.5, 5.0])
    with pytest.raises(ArgumentError, match="no column 'area_px'"):
        plots.areas(table.drop_columns(["area_px"]), ax)
    plots.areas(table.slice(0, 0), figure.Figure().subplots())


def test_words_out_of_data_start_no_formula_and_hide_nothing(ax):
    hostile = "$\\frac{1$\x1b[31m"
    matrix = lv.confusion([hostile, "_x"], [hostile, "_x"])
    plots.confusion_matrix(matrix, ax)
    ax.figure.canvas.draw()  # a broken formula would raise here
    for tick in ax.get_yticklabels():
        assert "\x1b" not in tick.get_text()
    other = plots.pr_curve(lv.sweep([True, False], [0.9, 0.1]), figure.Figure().subplots(), label="_hidden $x$")
    assert labels(other) == [" _hidden \\$x\\$: AP 1.0000"]


def test_what_has_no_scores_is_refused(ax):
    for draw in (plots.pr_curve, plots.roc_curve, plots.score_histogram, plots.threshold_tradeoff):
        with pytest.raises(ArgumentError, match="no scores"):
            draw(object(), ax)
    with pytest.raises(ArgumentError, match="no confusion matrix"):
        plots.confusion_matrix(3, ax)


def test_axes_are_made_when_none_are_given(monkeypatch, sweep):
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot

    ax = plots.roc_curve(sweep)
    assert ax.lines
    pyplot.close(ax.figure)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'lvtools\[report\]'"):
        plots.roc_curve(sweep)


def test_importing_the_room_imports_no_matplotlib():
    code = "import sys, lvtools.plots; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
