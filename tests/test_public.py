import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import lvtools

HOUSE = Path(lvtools.__file__).parent


@pytest.mark.parametrize("name", lvtools.__all__)
def test_every_public_name_can_be_imported(name):
    home = lvtools._HOME.get(name)
    value = getattr(lvtools, name)
    if home is not None:
        assert value is getattr(importlib.import_module(home), name)
        assert value.__doc__


def test_the_list_is_sorted_complete_and_typed():
    assert lvtools.__all__ == ["__version__", *sorted(lvtools._HOME)]
    text = (HOUSE / "__init__.py").read_text()
    for name, home in lvtools._HOME.items():
        assert f"from {home} import {name} as {name}\n" in text
    assert set(lvtools.__all__) <= set(dir(lvtools))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = lvtools.nothing


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout


def test_importing_the_package_loads_no_large_library():
    heavy = "{'numpy', 'pyarrow', 'cv2', 'numba', 'orjson', 'click', 'rich'}"
    assert run(f"import sys, lvtools; print({heavy} & set(sys.modules))") == "set()\n"


def test_reading_a_manifest_loads_neither_opencv_nor_numba():
    code = "import sys, lvtools; lvtools.read_manifest(b'{}'); print({'cv2', 'numba', 'click'} & set(sys.modules))"
    assert run(code) == "set()\n"
