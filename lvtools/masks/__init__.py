"""Masks: PNGs whose colours are classes. Decoding, areas per class, and class indexes; what colours mean is given."""

from lvtools.masks.area_files import area_pieces
from lvtools.masks.areas import mask_areas, mask_areas_many, total_percentage_area
from lvtools.masks.batch import area_tables, journal_of, write_mask_areas
from lvtools.masks.classes import ALPHA_RULES, AlphaRule, UnknownColor
from lvtools.masks.colors import MaskSource, mask_colors
from lvtools.masks.find import find_masks
from lvtools.masks.fix import FIX_SCHEMA, FixedMask, fix_mask
from lvtools.masks.lint import lint_mask
from lvtools.masks.mask import RUN_SCHEMA, UNKNOWN_INDEX, Mask
from lvtools.masks.pairs import REGION_COLUMNS, class_pairs, region_pairs
from lvtools.masks.png import decode_png
from lvtools.masks.polygons import Polygon
from lvtools.masks.read import read_mask
from lvtools.masks.regions import BOX_SCHEMA, COMPONENT_SCHEMA
from lvtools.masks.schemas import AREA_SCHEMA, MASK_AREA_SCHEMA
from lvtools.masks.totals import AreaTotals
from lvtools.masks.write import write_mask

__all__ = [
    "ALPHA_RULES",
    "AREA_SCHEMA",
    "BOX_SCHEMA",
    "COMPONENT_SCHEMA",
    "FIX_SCHEMA",
    "MASK_AREA_SCHEMA",
    "REGION_COLUMNS",
    "RUN_SCHEMA",
    "UNKNOWN_INDEX",
    "AlphaRule",
    "AreaTotals",
    "FixedMask",
    "Mask",
    "MaskSource",
    "Polygon",
    "UnknownColor",
    "area_pieces",
    "area_tables",
    "class_pairs",
    "decode_png",
    "find_masks",
    "fix_mask",
    "journal_of",
    "lint_mask",
    "mask_areas",
    "mask_areas_many",
    "mask_colors",
    "read_mask",
    "region_pairs",
    "total_percentage_area",
    "write_mask",
    "write_mask_areas",
]
