"""What a short script imports on its way to a first figure."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from lvtools import metrics

SCRIPT = """
import sys
import lvtools as lv
assert lv.confusion(["normal", "anomaly"], ["normal", "normal"]).recall("anomaly") == 0
assert lv.sweep([False, True], [0.1, 0.9]).auroc == 1
print(*sorted({name.split(".")[0] for name in sys.modules}))
"""


def test_no_heavy_import_before_a_first_figure():
    seen = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True).stdout.split()
    # pandas is left out of the list: pyarrow imports it by itself to make an array of a list, where it is installed.
    assert not {"numba", "cv2", "sklearn", "scipy", "matplotlib", "torch", "orjson"} & set(seen)
    assert {"numpy", "pyarrow"} <= set(seen)


def test_a_confusion_matrix_waits_for_no_other_metric():
    script = "import sys, lvtools as lv; lv.confusion(['a'], ['a']); print(*sys.modules)"
    seen = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    loaded = {name.removeprefix("lvtools.metrics.") for name in seen if name.startswith("lvtools.metrics.")}
    assert loaded == {"image", "tally", "class_columns"}


def test_every_metric_is_found_at_its_home_and_typed():
    text = Path(metrics.__file__).read_text()
    for name, home in metrics._HOME.items():
        assert getattr(metrics, name) is getattr(importlib.import_module(f"lvtools.metrics.{home}"), name)
        assert f"    from lvtools.metrics.{home} import {name} as {name}\n" in text
    assert metrics.__all__ == sorted(metrics._HOME)
    assert set(metrics.__all__) <= set(dir(metrics))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = metrics.nothing
