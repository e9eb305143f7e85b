"""An evaluation in words and small tables, once, for terminal, pipe and notebook."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lvtools.evaluation import detail
from lvtools.evaluation.document import finding_rows
from lvtools.evaluation.sections import Section, aligned, interval_text, number_text
from lvtools.text import html_table, printable

if TYPE_CHECKING:
    from lvtools.evaluation.result import Evaluation

NAMES_SHOWN = 3
CLASSES_SHOWN = 20  # a confusion matrix wider than this is for --json


def sections(evaluation: Evaluation) -> Iterator[Section]:
    """What a reader wants to know, the result first. All text is safe to print."""
    yield _matched(evaluation)
    yield _matrix(evaluation)
    yield from _figures(evaluation)
    yield from detail.scores(evaluation)
    if evaluation.pixel is not None:
        yield _pixels(evaluation)
    yield from detail.regions(evaluation)
    yield from detail.maps(evaluation)
    yield from detail.slices(evaluation)
    yield from detail.comparison(evaluation)
    yield from detail.suspects(evaluation)
    left_out = tuple(_left_out(evaluation))
    if left_out:
        yield Section("Left out, or read with doubts", notes=left_out)


def _matched(evaluation: Evaluation) -> Section:
    by = {"exact": "whole reference", "name": "file name", "stem": "file name without its ending"}[evaluation.match.by]
    sides = (("truth", evaluation.truth), ("predictions", evaluation.predictions))
    rows = tuple((name, f"{side.images:,}", side.format, printable(side.origin)) for name, side in sides)
    return Section(
        f"{len(evaluation.match):,} images compared, matched by {by}", ("", "images", "format", "from"), rows
    )


def _matrix(evaluation: Evaluation) -> Section:
    matrix = evaluation.image
    title = "Confusion matrix (rows truth, columns prediction)"
    notes = []
    if evaluation.threshold is not None:
        assumed = "; the default, as there are scores only and none was given" if evaluation.threshold_assumed else ""
        notes.append(f"{evaluation.positive} from score {evaluation.threshold:g}{assumed}")
    if len(matrix.classes) > CLASSES_SHOWN:
        return Section(title, notes=(*notes, f"{len(matrix.classes)} classes are too wide to show; --json has them"))
    names = [printable(name) or "''" for name in matrix.classes]
    rows = tuple((name, *(f"{n:,}" for n in row)) for name, row in zip(names, matrix.counts.tolist(), strict=True))
    return Section(title, ("", *names), rows, tuple(notes))


def _figures(evaluation: Evaluation) -> Iterator[Section]:
    matrix = evaluation.image
    accuracy = ("accuracy", *interval_text(evaluation.accuracy()))
    head = ("", "value", "95 % interval")
    if evaluation.positive is not None:
        rows = [(name, *interval_text(getattr(evaluation, name)())) for name in ("precision", "recall")]
        rows.append(("F1", *interval_text(evaluation.f1())))
        yield Section(f"Images ({printable(evaluation.positive)} is the positive class)", head, (*rows, accuracy))
        return
    macro, weighted = (
        ("macro F1", number_text(matrix.macro_f1()), ""),
        ("weighted F1", number_text(matrix.weighted_f1()), ""),
    )
    yield Section("Images", head, (accuracy, macro, weighted))
    lines = []
    for name in matrix.named_classes:
        figures = [
            " ".join(interval_text(figure(name))) for figure in (evaluation.precision, evaluation.recall, evaluation.f1)
        ]
        lines.append((printable(name) or "''", f"{matrix.support(name):,}", f"{matrix.predicted(name):,}", *figures))
    yield Section(
        "Classes, with 95 % intervals", ("class", "truth", "predicted", "precision", "recall", "F1"), tuple(lines)
    )


def _pixels(evaluation: Evaluation) -> Section:
    state = evaluation.pixel
    assert state is not None  # noqa: S101 - the caller has looked
    matrix = state.pooled
    rows = []
    for name in matrix.named_classes:
        shares = [
            f"{count / matrix.total:.3%}" if matrix.total else "-"
            for count in (matrix.support(name), matrix.predicted(name))
        ]
        figures = [
            number_text(value)
            for value in (
                state.iou(name),
                state.mean_iou(name),
                matrix.precision(name),
                matrix.recall(name),
                matrix.f1(name),
            )
        ]
        rows.append((printable(name) or "''", f"{state.images_with(name):,}", *shares, *figures))
    notes = [
        "truth, predicted: share of all pixels",
        "IoU: all pixels pooled; mean IoU: each image's own, over the images where the class is in truth or prediction",
    ]
    if state.unknown_px:
        notes.append(
            f"{state.unknown_px:,} pixels have a colour of no class; they count against the class on the other side"
        )
    if state.ambiguous_px:
        notes.append(f"{state.ambiguous_px:,} pixels are half transparent: what they count as is for --alpha to say")
    head = ("class", "images", "truth", "predicted", "IoU", "mean IoU", "precision", "recall", "F1")
    return Section(f"Pixels of {state.images:,} images", head, tuple(rows), tuple(notes))


def _left_out(evaluation: Evaluation) -> Iterator[str]:
    match = evaluation.match
    for count, what in (
        (match.missing, "without a prediction"),
        (match.unlabeled, "unlabeled in the truth"),
        (match.extra, "predicted but not in the truth"),
        (match.duplicates, "more than once (the first counts)"),
    ):
        if count:
            yield f"{len(count):,} {what}: {_named(count)}"
    said = {"LV401", "LV402", "LV403", "LV404", "LV408"}
    groups: dict[str, list[str]] = {}
    for row in finding_rows(evaluation):
        if row["code"] not in said:
            place = f"{printable(row['file'] or '')}:{row['line']}: " if row["line"] is not None else ""
            groups.setdefault(row["code"], []).append(place + row["message"])
    for code, messages in sorted(groups.items()):
        yield f"{code} {messages[0]}" + (f" (and {len(messages) - 1:,} more like it)" if len(messages) > 1 else "")


def _named(refs: Sequence[str]) -> str:
    more = f" and {len(refs) - NAMES_SHOWN:,} more" if len(refs) > NAMES_SHOWN else ""
    return ", ".join(printable(ref) for ref in refs[:NAMES_SHOWN]) + more


def as_text(evaluation: Evaluation) -> str:
    """All sections as plain text."""
    return "\n\n".join("\n".join(aligned(section)) for section in sections(evaluation))


def as_html(evaluation: Evaluation) -> str:
    """All sections for a notebook; every word out of data is escaped."""
    parts = []
    for section in sections(evaluation):
        parts.append(f"<h4>{html.escape(section.title)}</h4>")
        if section.rows:
            parts.append(html_table(section.head, section.rows))
        parts += [f"<p>{html.escape(note)}</p>" for note in section.notes]
    return "".join(parts)
