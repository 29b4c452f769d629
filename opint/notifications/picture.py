"""The histogram of an incident as a picture, for messages: what was seen over its reference, and the pulls."""

import io
from typing import TYPE_CHECKING

import numpy as np

from opint.store import evidence, incident_pages
from opint.store.engine import Store
from opint.store.evidence import EvidenceView
from streams.records import Axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_IN, HEIGHT_IN, DOTS_PER_IN = 7.0, 4.2, 110
OBSERVED, REFERENCE = "#1b2129", "#0072b2"
STRONGEST_PULL = 10.0
"""Pulls beyond it have the strongest colour, in standard deviations."""


def incident_picture(store: Store, incident_id: int) -> bytes | None:
    """The newest and worst histogram of an incident as PNG.

    None where no evidence is kept of it, or matplotlib (the extra ``notify``) is not installed.
    """
    with store.read() as tx:
        detail = incident_pages.detail(tx, incident_id)
        if detail is None or not detail.evidence:
            return None
        key = detail.evidence[0]
        shown = evidence.evidence_view(tx, detail.dataset, detail.subsystem, key.run, key.ls, key.me)
    return None if shown is None else draw(shown)


def draw(shown: EvidenceView) -> bytes | None:
    """One piece of evidence as PNG; None where it has no counts, or matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - of the extra, and only for messages with pictures
    except ImportError:
        return None
    counts, reference, pulls = (np.array(part, dtype=float) for part in (shown.counts, shown.reference, shown.pulls))
    if not counts.size or not 1 <= len(shown.axes) <= 2:
        return None
    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), dpi=DOTS_PER_IN, layout="constrained")
    # A dollar sign would begin a formula.
    figure.suptitle(f"{shown.me}, run {shown.run} LS {shown.ls}".replace("$", r"\$"), fontsize=10)
    if len(shown.axes) == 1:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        _curves(above, below, shown.axes[0], counts, reference, pulls)
    else:
        for axes, title, values in zip(figure.subplots(1, 2), ("counts", "pull (σ)"), (counts, pulls), strict=True):
            _map(axes, shown.axes, title, values)
    png = io.BytesIO()
    figure.savefig(png, format="png")
    return png.getvalue()


def _curves(
    above: "Axes", below: "Axes", axis: Axis, counts: np.ndarray, reference: np.ndarray, pulls: np.ndarray
) -> None:
    edges = np.array(axis.edges) if axis.edges else np.linspace(axis.lower, axis.upper, axis.bins + 1)
    above.stairs(counts, edges, color=OBSERVED, fill=True, alpha=0.15)
    above.stairs(counts, edges, color=OBSERVED, label="observed")
    if reference.size == counts.size:
        above.stairs(reference, edges, color=REFERENCE, linestyle="--", label="reference")
    above.legend(fontsize=8)
    above.set_ylabel("counts")
    if pulls.size == counts.size:
        below.stairs(np.clip(pulls, -STRONGEST_PULL, STRONGEST_PULL), edges, fill=True, color=REFERENCE)
    below.set_ylabel("pull (σ)")
    below.set_xlabel(axis.label.replace("$", r"\$"))


def _map(axes: "Axes", both: list[Axis], title: str, values: np.ndarray) -> None:
    axes.set_title(title, fontsize=9)
    if values.size != both[0].bins * both[1].bins:
        return
    extent = (both[0].lower, both[0].upper, both[1].lower, both[1].upper)
    cells = values.reshape(both[0].bins, both[1].bins).T
    colours, strongest = ("viridis", None) if title == "counts" else ("RdBu_r", STRONGEST_PULL)
    weakest = None if strongest is None else -strongest
    drawn = axes.imshow(cells, origin="lower", aspect="auto", extent=extent, cmap=colours, vmin=weakest, vmax=strongest)
    axes.figure.colorbar(drawn, ax=axes)
