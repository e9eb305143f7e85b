"""Tasks for workers, which import them by name: some die, some are slow."""

from __future__ import annotations

import os
import time
from pathlib import Path

from lvtools.errors import MaskError
from lvtools.scale import run_shard


def dies_once(shard, folder, options=None):
    """Shard 3 takes its first worker with it, after the work was done: as late as a death can come."""
    answer = run_shard(shard, options)
    mark = Path(folder, f"died-{shard.name}")
    if shard.name == "3" and not mark.exists():
        mark.touch()
        os._exit(9)
    return answer


def dies_always(shard):
    if shard.name == "3":
        os._exit(9)
    return run_shard(shard)


def complains(shard):
    if shard.name == "3":
        raise MaskError("no mask at all", hint="draw one")
    if shard.name == "5":
        raise ZeroDivisionError("by zero")
    return run_shard(shard)


def waits(shard, folder):
    Path(folder, f"pid-{os.getpid()}").touch()
    time.sleep(600)
    return run_shard(shard)
