"""A small data set of our own to try everything on: drawn circuit boards, masks, manifests, imperfect predictions.

Nothing is downloaded, and the same seed gives the same bytes (with the same versions of NumPy and OpenCV).
"""

from __future__ import annotations

from lvtools.demo.dataset import DemoData, make_demo_data

__all__ = ["DemoData", "make_demo_data"]
