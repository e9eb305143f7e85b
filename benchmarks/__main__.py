"""Run the roads named on the command line, or all of them; one JSON line per comparison on standard output."""

import importlib
import sys

from benchmarks.bench import machine

ROADS = ("manifest", "faults", "large", "masks", "regions", "confusion", "sweep", "aupro", "evaluate_memory")


def main() -> None:
    names = sys.argv[1:] or ROADS
    unknown = [name for name in names if name not in ROADS]
    if unknown:
        sys.exit(f"no such road: {', '.join(unknown)}; there are {', '.join(ROADS)}")
    print(machine(), flush=True)
    for name in names:
        importlib.import_module(f"benchmarks.{name}").run()


if __name__ == "__main__":
    main()
