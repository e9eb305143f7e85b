"""Validation with everything at hand: a manifest, its images and masks, and Rekognition's own report of the faults."""

from lvtools.validation.summary import rekognition_summary
from lvtools.validation.validate import validate_manifest

__all__ = ["rekognition_summary", "validate_manifest"]
