"""What a short script imports on its way to a first figure."""

import subprocess
import sys

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
