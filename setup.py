"""The extension list; all else is in pyproject.toml."""

import os
import platform
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

# png_runs_avx2 is png_runs once more, for x86-64 machines that have AVX2 (asked at run time); both need little-endian.
X86 = platform.machine().lower() in ("x86_64", "amd64")
LEFT_OUT = {"png_runs", "png_runs_avx2"} if sys.byteorder == "big" else set() if X86 else {"png_runs_avx2"}
EXTRA = {"png_runs_avx2": ["-mavx2", "-mbmi", "-mbmi2", "-mpclmul"]}
KERNELS = sorted({path.stem for path in Path("lvtools/_native").glob("*.pyx")} - LEFT_OUT)
SHARED = ["lvtools/_native/png_runs.pyx", "lvtools/_native/png_paint.pxi"]  # what png_runs_avx2 includes
HEADERS = sorted(map(str, Path("lvtools/_native").glob("*.h")))

# LVTOOLS_SANITIZE=1: AddressSanitizer and UndefinedBehaviorSanitizer, for tests and fuzzing (docs/architecture.md).
SANITIZE = os.environ.get("LVTOOLS_SANITIZE") == "1"
FLAGS = (
    ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"] if SANITIZE else []
)

setup(
    ext_modules=cythonize(
        [
            Extension(
                f"lvtools._native.{name}",
                [f"lvtools/_native/{name}.pyx"],
                extra_compile_args=[*([*FLAGS, "-g", "-O1"] if SANITIZE else ["-O3"]), *EXTRA.get(name, [])],
                extra_link_args=FLAGS,
                include_dirs=["lvtools/_native"],
                depends=[*HEADERS, *SHARED] if name.startswith("png_runs") else HEADERS,
            )
            for name in KERNELS
        ],
        build_dir="build/cython",
    ),
    options={"build_ext": {"parallel": os.cpu_count() or 1}},
)
