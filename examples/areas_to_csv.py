"""Pixel areas per class for a folder of masks, as CSV on standard output."""

import sys

import pyarrow.csv

import lvtools
from lvtools.demo import make_demo_data

data = make_demo_data("demo")
areas = lvtools.mask_areas_many([str(mask) for mask in data.masks], data.color_map)
pyarrow.csv.write_csv(areas.select(["mask", "class_name", "area_px", "area_fraction"]), sys.stdout.buffer)
