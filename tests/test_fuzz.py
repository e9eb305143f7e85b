"""The fuzz targets in C still compile and find nothing in a small corpus; long runs are described in fuzz/README.md."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.corpus import write_corpus

ROOT = Path(__file__).resolve().parents[1]
COUNT, MUTATIONS = 24, 20
# Who runs the tests with instrumented kernels preloads the sanitizers; the compiler and our programs have their own.
OURS = ("LD_PRELOAD", "ASAN_OPTIONS", "UBSAN_OPTIONS")
PLAIN = {name: value for name, value in os.environ.items() if name not in OURS}
PLAIN |= {"OPTIMIZE": "-O0", "SANITIZE": "address"}  # half a minute of compiling becomes seconds


def ran(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=PLAIN, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    compiler = os.environ.get("CC", "cc")
    if not (ROOT / "lvtools" / "_native" / "png_mask.h").exists():
        pytest.skip("an installed package has no kernel sources")
    if shutil.which(compiler) is None or sys.byteorder == "big":
        pytest.skip("no C compiler, or a machine that the mask engine is not for")
    probe = folder / "probe.c"
    probe.write_text("int main(void) { return 0; }\n")
    flags = ("-fsanitize=address",)
    if ran(compiler, *flags, probe, "-o", folder / "probe")[0] or ran(folder / "probe")[0]:
        pytest.skip("this compiler has no sanitizers")
    if "clang" in ran(compiler, "--version")[1]:
        pytest.skip("with clang the targets are libFuzzer's, not replay.c's")
    code, said = ran(ROOT / "fuzz" / "build.sh", folder)
    assert code == 0, said
    return folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    masks, manifests = write_corpus(tmp_path_factory.mktemp("corpus"), COUNT)
    return {"mask_engine": masks, "manifest_engine": manifests}


@pytest.mark.parametrize("target", ["mask_engine", "manifest_engine"])
def test_a_small_corpus_finds_nothing(programs, corpus, target):
    code, said = ran(programs / target, f"-mutations={MUTATIONS}", *corpus[target])
    assert code == 0, said
    assert said == f"{COUNT} files, {COUNT * (1 + MUTATIONS)} inputs: no fault found\n"
