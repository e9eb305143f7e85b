# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True, freethreading_compatible=True
"""png_runs once more, compiled with AVX2, BMI2 and PCLMUL (setup.py); import it only where png_runs.has_avx2()."""
include "png_runs.pyx"
