"""Trigger rates of a run: what is wrong, the map of all rates, and one rate against lumisection and pileup."""

import math
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

import numpy as np
import numpy.typing as npt
import orjson
from fastapi import APIRouter, HTTPException, Query, Request, Response
from sqlalchemy import Connection
from starlette.responses import HTMLResponse

from dqm.core.quality import Reason
from opint.dashboard.api import NOT_FOUND, UNAVAILABLE, Number, or_404
from opint.dashboard.render import Renderer
from opint.incidents.families import incident_group
from opint.store import incident_pages, models, trigger_rates
from opint.store.engine import Store
from opint.store.incident_pages import Incident
from opint.store.run_map import CHARACTERS, UNEXPECTED, as_text
from opint.store.trigger_rates import SUBSYSTEM, Rate, RateMap, RunRates
from opint.triggers.summary import (
    CAUSE_LABELS,
    MenuChange,
    TriggerCause,
    causes,
    emulated_notice,
    menu_changes,
    most_deviating,
    without_model,
)

MOST_RUNS = 20
MOST_WORST = 15
MOST_INCIDENTS = 100
MOST_CHANGES = 20
FARTHEST, STEP = 6.0, 0.5
"""Pulls of the map go so far either way, in steps of so much: one character a cell."""

Element = Annotated[str, Query(max_length=500)]
Dataset = Annotated[str, Query(max_length=500)]


def router(store: Store, renderer: Renderer) -> APIRouter:
    """The page, and what it reads."""
    routes = APIRouter()
    _add_page(routes, store, renderer)
    _add_api(routes, store)
    return routes


def _add_page(routes: APIRouter, store: Store, renderer: Renderer) -> None:
    @routes.get("/triggers", include_in_schema=False)
    def page(
        request: Request,
        run: Number | None = None,
        dataset: Dataset = "",
        element: Element = "",
        ls: Number | None = None,
    ) -> HTMLResponse:
        live = renderer.live()
        with store.read() as tx:
            runs = trigger_rates.recent(tx, MOST_RUNS)
            rates = _chosen(tx, runs, dataset, run)
            raised = [] if rates is None else _raised(tx, rates)
            menu, unjudged = ([], {}) if rates is None else _menu(tx, rates)
        if rates is None:
            return renderer.page(request, "triggers.html", rates=None, runs=[], **live)
        lasting, passing = _by_duration(causes(rates), raised)
        shown = element if element in rates.elements else _first(rates, [cause for cause, _ in lasting] or passing)
        row = rates.elements.index(shown)
        return renderer.page(
            request,
            "triggers.html",
            rates=rates,
            runs=runs,
            lasting=lasting,
            passing=passing,
            cause_labels=CAUSE_LABELS,
            worst=most_deviating(rates, MOST_WORST),
            emulated=emulated_notice(rates),
            menu=menu[:MOST_CHANGES],
            more_changes=max(0, len(menu) - MOST_CHANGES),
            unjudged=unjudged,
            ls=ls,
            shown=shown,
            data=_rate_columns(rates, shown),
            members=_members(rates, row),
            request_url="/triggers?" + urlencode({"run": rates.run, "dataset": rates.dataset, "element": shown}),
            **live,
        )


def _add_api(routes: APIRouter, store: Store) -> None:
    @routes.get("/api/v1/triggers/map", tags=["triggers"], response_model=RateMap, responses=NOT_FOUND | UNAVAILABLE)
    def get_map(run: Number, dataset: Dataset) -> Response:
        """All rates of a run against its lumisections, a character a cell."""
        with store.read() as tx:
            rates = _run_or_404(tx, dataset, run)
        return _json(
            {
                "dataset": rates.dataset,
                "run": rates.run,
                "lumisections": rates.lumisections,
                "elements": rates.elements,
                "groups": rates.groups.tolist(),
                "states": as_text(rates.reasons),
                "pulls": _letters(rates.pulls),
                "reason_names": {CHARACTERS[reason].decode(): reason.name for reason in Reason},
                "alarms": [reason.name for reason in Reason if reason.alarms],
            }
        )

    @routes.get("/api/v1/triggers/rate", tags=["triggers"], response_model=Rate, responses=NOT_FOUND | UNAVAILABLE)
    def get_rate(run: Number, dataset: Dataset, element: Element) -> Response:
        """One rate of a run: Hz as observed and as expected, band, curve, prescale and conditions by lumisection."""
        with store.read() as tx:
            rates = _run_or_404(tx, dataset, run)
        if element not in rates.elements:
            raise HTTPException(404, f"There is no rate {element} in run {run}.")
        return _json(_rate_columns(rates, element))

    @routes.get("/api/v1/triggers/causes", tags=["triggers"], responses=NOT_FOUND | UNAVAILABLE)
    def get_causes(run: Number, dataset: Dataset) -> list[TriggerCause]:
        """What was found wrong in a run, the widest cause first."""
        with store.read() as tx:
            return causes(_run_or_404(tx, dataset, run))


def _chosen(tx: Connection, runs: list[tuple[str, int]], dataset: str, run: int | None) -> RunRates | None:
    """The run asked for; without one the newest. None if there are no rates at all."""
    if run is None:
        return trigger_rates.run_rates(tx, *runs[0]) if runs else None
    names = [dataset] if dataset else dict.fromkeys(name for name, _ in runs)
    rates = next(
        (run_rates for name in names if (run_rates := trigger_rates.run_rates(tx, name, run)) is not None), None
    )
    return or_404(rates, f"There are no trigger rates of run {run}.")


def _run_or_404(tx: Connection, dataset: str, run: int) -> RunRates:
    return or_404(trigger_rates.run_rates(tx, dataset, run), f"There are no trigger rates of run {run} in {dataset}.")


def _raised(tx: Connection, rates: RunRates) -> list[Incident]:
    return incident_pages.page(tx, limit=MOST_INCIDENTS, subsystem=SUBSYSTEM, run=rates.run).items


def _by_duration(
    causes_: list[TriggerCause], raised: list[Incident]
) -> tuple[list[tuple[TriggerCause, Incident]], list[TriggerCause]]:
    """Causes with the newest incident that each has raised, and those that did not last long enough to raise one."""
    newest = {(incident.family, incident.element_group): incident for incident in reversed(raised)}
    lasting, passing = [], []
    for cause in causes_:
        family = cause.reason.family
        incident = newest.get((family, incident_group(family, cause.element, SUBSYSTEM)))
        if incident is None:
            passing.append(cause)
        else:
            lasting.append((cause, incident))
    return lasting, passing


def _first(rates: RunRates, listed: list[TriggerCause]) -> str:
    """The rate to look at first."""
    named = [
        *(cause.element for cause in listed),
        *(deviating.element for deviating in most_deviating(rates, 1)),
        rates.elements[0],
    ]
    return named[0]


def _menu(tx: Connection, rates: RunRates) -> tuple[list[MenuChange], Mapping[str, str]]:
    """What changed in the menu, and why rates have no model."""
    version = trigger_rates.model_of(tx, rates.dataset, rates.run)
    unjudged = {} if version is None else models.manifest(tx, version).get("unjudged", {})
    changes = menu_changes(rates, trigger_rates.versions_before(tx, rates.dataset, rates.run))
    return changes, without_model(rates, unjudged)


def _rate_columns(rates: RunRates, element: str) -> Mapping[str, Any]:
    """All that the plots of one rate need, by lumisection; None where there is nothing."""
    row = rates.elements.index(element)
    bands = rates.bands
    live = [_live(conditions) for conditions in rates.conditions]
    return {
        "element": element,
        "run": rates.run,
        "lumisections": rates.lumisections,
        "observed": _plain(bands.observed[row]),
        "expected": _plain(bands.expected[row]),
        "low": _plain(bands.low[row]),
        "high": _plain(bands.high[row]),
        "curve": _plain(bands.curve[row]),
        "prescale": _plain(bands.prescale[row]),
        "pull": _plain(rates.pulls[row]),
        "p_value": _plain(rates.p_values[row]),
        "reason": ["" if reason == UNEXPECTED else Reason(int(reason)).name for reason in rates.reasons[row]],
        "alarm": trigger_rates.alarming(rates)[row].tolist(),
        "pileup": [conditions.get("pileup") for conditions in rates.conditions],
        "live": live,
        "prescale_name": [conditions.get("prescale_name") for conditions in rates.conditions],
        "version": _plain(bands.version[row]),
        "prescale_index": [conditions.get("prescale_index") for conditions in rates.conditions],
    }


def _live(conditions: Mapping[str, Any]) -> float | None:
    """Recorded over delivered luminosity; None where it is not known."""
    delivered, recorded = conditions.get("delivered_lumi"), conditions.get("recorded_lumi")
    return recorded / delivered if delivered and recorded is not None else None


def _members(rates: RunRates, row: int) -> list[Mapping[str, Any]]:
    """The seed of a rate and all its paths, with the number of lumisections in which each alarmed."""
    bad = trigger_rates.alarming(rates).sum(axis=1)
    rows = np.flatnonzero(rates.groups == rates.groups[row])
    with np.errstate(invalid="ignore"):
        far = np.nan_to_num(rates.pulls[rows])
    extreme = far[np.arange(len(rows)), np.abs(far).argmax(axis=1)]
    return [
        {"element": rates.elements[at], "bad": int(bad[at]), "pull": float(pull)}
        for at, pull in zip(rows.tolist(), extreme, strict=True)
    ]


def _plain(values: npt.NDArray[np.float32]) -> list[float | None]:
    return [float(f"{value:.5g}") if math.isfinite(value) else None for value in values.tolist()]


def _letters(pulls: npt.NDArray[np.float32]) -> list[str]:
    letters = np.frombuffer(b"abcdefghijklmnopqrstuvwxy-", dtype="S1")
    steps = np.rint((np.clip(np.nan_to_num(pulls), -FARTHEST, FARTHEST) + FARTHEST) / STEP).astype(np.intp)
    steps[~np.isfinite(pulls)] = len(letters) - 1
    return [row.tobytes().decode("ascii") for row in letters[steps]]


def _json(content: object) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")
