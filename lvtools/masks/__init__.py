"""Masks: PNGs whose colours are classes. Decoding, areas per class, and class indexes; what colours mean is given."""

from lvtools.masks.areas import AREA_SCHEMA, MASK_AREA_SCHEMA, mask_areas, mask_areas_many, total_percentage_area
from lvtools.masks.classes import ALPHA_RULES, AlphaRule, UnknownColor
from lvtools.masks.colors import MaskSource, mask_colors
from lvtools.masks.mask import UNKNOWN_INDEX, Mask, read_mask
from lvtools.masks.pairs import ClassMask, class_pairs, read_class_mask
from lvtools.masks.png import decode_png

__all__ = [
    "ALPHA_RULES",
    "AREA_SCHEMA",
    "MASK_AREA_SCHEMA",
    "UNKNOWN_INDEX",
    "AlphaRule",
    "ClassMask",
    "Mask",
    "MaskSource",
    "UnknownColor",
    "class_pairs",
    "decode_png",
    "mask_areas",
    "mask_areas_many",
    "mask_colors",
    "read_class_mask",
    "read_mask",
    "total_percentage_area",
]
