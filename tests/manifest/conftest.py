"""What several files of manifest tests need."""

from __future__ import annotations

import pytest

from lvtools._native import manifest_fast


@pytest.fixture(params=["0", "1"], ids=["scalar", "wide"])
def both_loops(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test runs with both sets of the engine's loops."""
    if request.param == "1" and not manifest_fast.avx2():
        pytest.skip("this processor has no AVX2")
    monkeypatch.setenv("LVTOOLS_SIMD", request.param)
