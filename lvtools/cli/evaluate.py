"""lvtools evaluate: predictions against the truth.

Exit 0 every image of the truth was compared, 1 compared but with errors, 2 could not compare.

The work is `lvtools.evaluate`; here its summary is printed and its document written.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import click
import pyarrow as pa

from lvtools.cli.terminal import counting, wants_progress
from lvtools.errors import LvtoolsError
from lvtools.evaluation import evaluate
from lvtools.evaluation.document import document_of, document_text
from lvtools.evaluation.matching import LEVELS
from lvtools.evaluation.sections import Section, aligned, is_text
from lvtools.evaluation.service_files import write_service_files
from lvtools.evaluation.summary import sections
from lvtools.findings import count_by_severity
from lvtools.formats.evaluation_result import ServiceModel
from lvtools.formats.predictions import PREDICTION_FORMATS
from lvtools.masks import ALPHA_RULES, AlphaRule
from lvtools.metrics import Sweep
from lvtools.metrics.advice import choose
from lvtools.text import printable

_FORMATS = click.Choice(["auto", *PREDICTION_FORMATS])


def _wishes(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> list[dict[str, Any]]:
    """recall=0.99 as the argument of `Sweep.at` that it is."""
    return [_wish(value, ctx, param) for value in values]


def _wish(value: str, ctx: click.Context, param: click.Parameter) -> dict[str, Any]:
    name, _, text = value.partition("=")
    between = {"cost": ":", "alarms": "/"}.get(name)
    wish: dict[str, Any]
    try:
        if between is not None:
            first, second = (float(part) for part in text.split(between))
            if name == "cost":
                wish = {"cost": (first, second)}
            else:
                wish = {"false_alarms_per_day": first, "images_per_day": second}
        elif name in ("recall", "precision", "fpr"):
            wish = {name: float(text)}
        else:
            raise ValueError
        choose(Sweep.empty(), wish)
    except ValueError as error:
        why = f": {error.message}" if isinstance(error, LvtoolsError) else ""
        raise click.BadParameter(
            f"{value!r} is no wish such as recall=0.99, cost=20:1 or alarms=2/5000{why}", ctx, param
        ) from None
    return wish


@click.command(name="evaluate")
@click.argument("truth")
@click.argument("predictions")
@click.option("--images", metavar="ROOT", help="Folder or s3:// prefix of the truth's images and masks.")
@click.option("--prediction-images", metavar="ROOT", help="The same for predicted masks; else beside the predictions.")
@click.option(
    "--threshold", type=float, help="Anomalous from this score on. Default: the predictions' own classes, else 0.5."
)
@click.option("--positive", default="anomaly", show_default=True, help="The class looked for.")
@click.option(
    "--want",
    "wishes",
    multiple=True,
    callback=_wishes,
    metavar="WISH",
    help="A threshold for a wish, beside the usual ones: recall=0.99, precision=0.9, fpr=0.01, cost=20:1 (a miss : a "
    "false alarm), alarms=2/5000 (false alarms per images). Can be repeated.",
)
@click.option(
    "--slice",
    "slice_by",
    multiple=True,
    metavar="COLUMN",
    help="Figures for each value of a column of either file, or of class, folder, area. Can be repeated.",
)
@click.option(
    "--maps",
    metavar="COLUMN",
    help="The column or JSON member that names each image's map of scores (.npy, grey PNG or TIFF): gives AUPRO.",
)
@click.option("--baseline", metavar="FILE", help="Another model's predictions, to say which one is better.")
@click.option(
    "--match", type=click.Choice(["auto", *LEVELS]), default="auto", show_default=True, help="How images are paired."
)
@click.option(
    "--alpha",
    type=click.Choice(ALPHA_RULES),
    default="opaque",
    show_default=True,
    help="How transparent mask pixels count.",
)
@click.option("--truth-format", type=_FORMATS, default="auto", help="Force the form of TRUTH.")
@click.option("--prediction-format", type=_FORMATS, default="auto", help="Force the form of PREDICTIONS.")
@click.option(
    "--json",
    "json_file",
    is_flag=False,
    flag_value="-",
    metavar="[FILE]",
    help="Write the whole result as JSON; - or nothing: standard output.",
)
@click.option("--html", "html_file", metavar="FILE", help="Write a page with the worst images.")
@click.option(
    "--save-service",
    metavar="PREFIX",
    help="Write EvaluationResult and EvaluationManifest as the service did.",
)
@click.option(
    "--service-model",
    metavar="PROJECT/VERSION",
    default="lvtools/1",
    show_default=True,
    help="Whose they are; or an ARN.",
)
@click.option("--progress/--no-progress", default=None, help="On standard error; by default only on a terminal.")
@click.pass_context
def command(
    ctx: click.Context,
    truth: str,
    predictions: str,
    images: str | None,
    prediction_images: str | None,
    threshold: float | None,
    positive: str,
    wishes: list[dict[str, Any]],
    slice_by: tuple[str, ...],
    maps: str | None,
    baseline: str | None,
    match: str,
    alpha: AlphaRule,
    truth_format: str,
    prediction_format: str,
    json_file: str | None,
    html_file: str | None,
    save_service: str | None,
    service_model: str,
    progress: bool | None,
) -> None:
    """Compare PREDICTIONS with TRUTH, image by image and, where both have masks, pixel by pixel.

    TRUTH is a manifest or any form of predictions; PREDICTIONS are saved DetectAnomalies answers (JSON Lines, an
    array, a folder of IMAGE.json), edge captures, a manifest, CSV, Parquet, Arrow or JSON records. One of them may be
    - for standard input.

    Exit codes: 0 every image of the truth was compared, 1 compared but with errors (missing predictions, broken lines,
    unreadable masks, contradicting duplicates), 2 could not compare.
    """
    if save_service is not None:
        ServiceModel.parse(service_model)  # a wrong name is said before the work, not after it
    if "ARROW_DEFAULT_MEMORY_POOL" not in os.environ:
        # Arrow's own allocator keeps what hash tables and columns in the making have left: a fifth of the peak. It is
        # there for speed that a command which opens masks does not notice.
        pa.set_memory_pool(pa.system_memory_pool())
    with counting("images", wants_progress(progress)) as on_image:
        result = evaluate(
            truth,
            predictions,
            objects=images,
            prediction_objects=prediction_images,
            threshold=threshold,
            match=match,
            alpha=alpha,
            positive=positive,
            truth_format=truth_format,
            prediction_format=prediction_format,
            maps=maps,
            slice_by=slice_by,
            wishes=wishes,
            baseline=baseline,
            progress=on_image,
        )
    if json_file == "-":
        for piece in document_text(document_of(result)):
            click.echo(piece, nl=False)
    else:
        _print(list(sections(result)))
        if json_file is not None:
            result.write_json(json_file)
    if html_file is not None:
        result.to_html(html_file, images)
    if save_service is not None:
        for name in write_service_files(result, save_service, model=service_model):
            click.echo(f"wrote {printable(name)}", err=True)
    ctx.exit(1 if count_by_severity(result.findings)["error"] else 0)


def _print(parts: list[Section]) -> None:
    if not sys.stdout.isatty():
        click.echo("\n\n".join("\n".join(aligned(part)) for part in parts))
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    for part in parts:
        console.print(Text(part.title, style="bold"))
        if part.rows:
            table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
            for place, name in enumerate(part.head):
                if is_text(part, place):
                    table.add_column(
                        Text(name), overflow="fold", min_width=min(12, max(len(row[place]) for row in part.rows))
                    )
                else:  # a cut number is a wrong number
                    width = max(len(text) for text in (*name.split(), *(row[place] for row in part.rows)))
                    table.add_column(Text(name), justify="right", min_width=width)
            for row in part.rows:
                table.add_row(*map(Text, row))  # Text: a class called [bold] is no markup
            if console.measure(table, options=console.options.update(max_width=1000)).minimum <= console.width:
                console.print(table)
            else:  # too narrow a window: let it wrap lines, but cut nothing
                console.print(Text("\n".join(list(aligned(part))[1 : 2 + len(part.rows)])), soft_wrap=True)
        for note in part.notes:
            console.print(Text(note))
        console.print()
