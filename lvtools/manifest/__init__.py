"""Manifests: read, validate, edit, write. JSON Lines of Lookout for Vision, Ground Truth and Rekognition."""

from lvtools.manifest.edit.dedupe import dedupe_manifest
from lvtools.manifest.edit.diff import diff_manifests
from lvtools.manifest.edit.fix import fix_manifest
from lvtools.manifest.edit.merge import merge_manifests
from lvtools.manifest.edit.rewrite import rewrite_manifest
from lvtools.manifest.edit.select import filter_manifest
from lvtools.manifest.edit.split import split_manifest
from lvtools.manifest.edit.stats import manifest_stats
from lvtools.manifest.edit.upsert import upsert_manifest
from lvtools.manifest.read import read_manifest, validate_manifest
from lvtools.manifest.write import write_manifest

__all__ = [
    "dedupe_manifest",
    "diff_manifests",
    "filter_manifest",
    "fix_manifest",
    "manifest_stats",
    "merge_manifests",
    "read_manifest",
    "rewrite_manifest",
    "split_manifest",
    "upsert_manifest",
    "validate_manifest",
    "write_manifest",
]
