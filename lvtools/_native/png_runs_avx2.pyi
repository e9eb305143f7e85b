# png_runs once more, compiled for AVX2: the same names, whatever they are.
from lvtools._native.png_runs import *  # noqa: F403
