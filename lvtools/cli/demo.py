"""lvtools demo: make a small data set and run the main job on it, saying at each step which command does the same.

Exit 0: done. 2: the folder could not be used. The faults it shows are part of the show and set no exit code.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
import pyarrow.compute as pc

import lvtools
from lvtools.demo import DemoData, make_demo_data
from lvtools.errors import MissingDependencyError
from lvtools.findings.render import render_text, summary


@click.command("demo", short_help="Make a small data set and run the main job on it.")
@click.argument("folder", default="demo", metavar="[FOLDER]", type=click.Path(file_okay=False))
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True, help="Other seeds draw other boards.")
def command(folder: str, seed: int) -> int:
    """Draw circuit boards with faults into FOLDER (./demo), then validate, measure and evaluate them.

    Nothing is downloaded. FOLDER must be new, empty, or made by this command before.
    """
    place = shlex.quote(os.path.normpath(folder))
    _step(f"lvtools demo {place}" + (f" --seed {seed}" if seed != 7 else ""))
    data = make_demo_data(os.path.normpath(folder), seed=seed)
    _say(
        f"Drew {len(data.images)} images of circuit boards into {folder}: {len(data.masks)} of them scratched, dented "
        "or with a part missing, each with a mask. truth.manifest names them as Ground Truth would; predictions.jsonl "
        "holds saved DetectAnomalies answers of a model that is good, not perfect."
    )
    _validate(data, place)
    _areas(data, place)
    _evaluate(data, place)
    return 0


def _validate(data: DemoData, place: str) -> None:
    _step(f"lvtools validate {place}/truth.manifest")
    _say("Is the manifest fit for use? It has the oddities that real ones have, and no error:")
    _verdict(data.truth, lvtools.validate_manifest(str(data.truth)))
    _step(f"lvtools validate {place}/broken.manifest")
    _say("And this is how real faults look. Each has its line, its column, a code (see lvtools rules) and a remedy:\n")
    findings = lvtools.validate_manifest(str(data.broken))
    click.echo(render_text(findings))
    _verdict(data.broken, findings)


def _verdict(manifest: Path, findings: pa.Table) -> None:
    errors = pc.sum(pc.equal(findings["severity"].cast(pa.string()), "error")).as_py() or 0
    click.echo(f"{manifest}: {'not usable as it is' if errors else 'usable'}: {summary(findings)}")


def _areas(data: DemoData, place: str) -> None:
    _step(f"lvtools areas {place}/masks --color-map {place}/truth.manifest")
    _say("How much of the masks does each class cover?\n")
    areas = lvtools.mask_areas_many([str(mask) for mask in data.masks], data.color_map)
    areas = areas.select(["area_px"]).append_column("class_name", areas["class_name"].cast(pa.string()))
    total = pc.sum(areas["area_px"]).as_py()
    rows = []
    for name in data.color_map:
        pixels = areas.filter(pc.equal(areas["class_name"], name))["area_px"]
        area, masks = pc.sum(pixels).as_py() or 0, pc.sum(pc.greater(pixels, 0)).as_py() or 0
        rows.append((name, f"{masks}", f"{area:,}", f"{100 * area / total:.2f} %"))
    _table(("class", "masks", "area_px", "share"), rows)


def _evaluate(data: DemoData, place: str) -> None:
    _step(
        f"lvtools evaluate {place}/truth.manifest {place}/predictions.jsonl --images {place} "
        f"--html {place}/report.html --json {place}/evaluation.json"
    )
    _say("How good are the predictions? Images left out of the figures are named with the reason:\n")
    evaluation = lvtools.evaluate(str(data.truth), str(data.predictions), objects=str(data.folder))
    click.echo(str(evaluation).rstrip("\n"))
    evaluation.to_json(data.folder / "evaluation.json")
    page = data.folder / "report.html"
    try:
        evaluation.to_html(page, objects=str(data.folder))
        where = f"Report, for people:    {page.resolve()}"
    except MissingDependencyError as error:
        where = f"No HTML report: {error}"
    click.echo()
    click.secho("In short", bold=True)
    document = evaluation.to_dict()
    _confusion(document["image"])
    click.echo(f"\n{_f1(document['image'])}")
    _say("F1 is the harmonic mean of precision (alarms that were right) and recall (anomalies that were found).\n")
    click.echo(f"Figures, for programs: {(data.folder / 'evaluation.json').resolve()}")
    click.echo(where)


def _confusion(image: Mapping[str, Any]) -> None:
    header = ("truth \\ predicted", *image["classes"])
    rows = [(name, *map(str, row)) for name, row in zip(image["classes"], image["confusion_matrix"], strict=True)]
    _table(header, rows)


def _f1(image: Mapping[str, Any]) -> str:
    measure = image["f1"]
    if measure is None or measure["value"] is None:
        return "F1 is undefined here"
    text = f"F1 {measure['value']:.3f}"
    if measure["low"] is not None and measure["high"] is not None:
        text += f" (95 % interval {measure['low']:.3f} to {measure['high']:.3f})"
    return text


def _step(line: str) -> None:
    """The command that does the same as what follows."""
    click.echo()
    click.secho(f"$ {line}", bold=True)


def _say(text: str) -> None:
    click.echo(click.wrap_text(text, width=100, preserve_paragraphs=True) + ("\n" if text.endswith("\n") else ""))


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[at]) for row in (header, *rows)) for at in range(len(header))]
    for row in (header, *rows):
        cells = [word.rjust(width) for word, width in zip(row[1:], widths[1:], strict=True)]
        click.echo("  " + "  ".join([row[0].ljust(widths[0]), *cells]))
