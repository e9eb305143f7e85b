"""An evaluation as one HTML page that needs nothing else: no network, no script, no second file.

What the page says is prepared in `page.py`, how it looks stands in `evaluation.html.j2`, pictures are painted in
`overlay.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lvtools.atomic import write_atomically
from lvtools.errors import MissingDependencyError
from lvtools.report.figures import visible
from lvtools.report.overlay import class_colors, paint_errors, paint_mask, pick_worst
from lvtools.report.page import page_context
from lvtools.report.panels import Picture

__all__ = [
    "Picture",
    "class_colors",
    "evaluation_html",
    "paint_errors",
    "paint_mask",
    "pick_worst",
    "write_evaluation_html",
]

_TEMPLATE = "evaluation.html.j2"


def evaluation_html(
    evaluation: Mapping[str, Any],
    *,
    pictures: Iterable[Picture] = (),
    suspects: Iterable[Picture] = (),
    color_map: Mapping[str, int] | None = None,
    classes: Sequence[str] = (),
) -> str:
    """Render an evaluation as a self-contained page.

    Parameters
    ----------
    evaluation : mapping
        The document that `Evaluation.to_dict()` gives (`"lvtools_evaluation": 1`). Numbers may be null: undefined,
        shown as a dash that says why.
    pictures : iterable of Picture
        Shown in this order, one at a time in memory; `pick_worst` says which are worth it.
    suspects : iterable of Picture
        The same for the document's `label_errors`.
    color_map : mapping of str to int, optional
        Class name to 0xRRGGBB, for the overlays; without it a fixed series of colours is used.
    classes : sequence of str
        The class of each index in the pictures' masks; index 0 is the background.

    Raises
    ------
    ArgumentError
        The document is not an evaluation of a version known here, or a mask does not fit its picture.
    MissingDependencyError
        jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError:
        raise MissingDependencyError("the HTML report needs jinja2", hint="pip install 'lvtools[report]'") from None
    environment = Environment(
        loader=PackageLoader("lvtools", "report"),
        autoescape=True,  # for every name: select_autoescape() would leave out .j2
        undefined=StrictUndefined,
        finalize=visible,  # every expression passes here before it is escaped
        trim_blocks=True,
        lstrip_blocks=True,
    )
    context = page_context(evaluation, pictures=pictures, suspects=suspects, color_map=color_map, classes=classes)
    return environment.get_template(_TEMPLATE).render(context)


def write_evaluation_html(
    evaluation: Mapping[str, Any],
    path: str | os.PathLike[str],
    *,
    pictures: Iterable[Picture] = (),
    suspects: Iterable[Picture] = (),
    color_map: Mapping[str, int] | None = None,
    classes: Sequence[str] = (),
) -> None:
    """Write `evaluation_html(...)` to a file, whole or not at all."""
    html = evaluation_html(evaluation, pictures=pictures, suspects=suspects, color_map=color_map, classes=classes)
    write_atomically(path, html.encode())
