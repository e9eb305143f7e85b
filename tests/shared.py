"""Where the real data of other people lies, when it is there: `../shared` beside the clone, or LVTOOLS_SHARED."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("LVTOOLS_SHARED", Path(__file__).resolve().parents[2] / "shared"))


def shared(*parts: str) -> Path:
    """A path under the shared data; skips the test, saying so, when it is absent."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"real data is not there: {path.relative_to(SHARED.parent)} (set LVTOOLS_SHARED to its folder)")
    return path
