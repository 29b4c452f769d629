"""People's labels against verdicts: how they agree, and where they do not, to be settled one by one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from starlette.responses import HTMLResponse

from opint.accounts.roles import Role
from opint.dashboard.actions import MOST_TEXT, checked_texts
from opint.dashboard.identity import require_role
from opint.dashboard.render import Renderer, form_fields, redirect_back
from opint.labels.evaluation import Outcome, answered, evaluate
from opint.labels.label import Flag, Label, LabelError
from opint.labels.storage import read_source, settle
from opint.store import labels
from opint.store.engine import Store
from opint.store.labels import SETTLED, Answer, read_verdicts
from opint.store.runs import newest_among

MOST_RUNS = 100
"""Newest labelled runs that are held against verdicts."""
MOST_STRETCHES = 100
"""Stretches of disagreement that are listed."""

Source = Annotated[str, Query(max_length=500, description="the newest source if absent")]
Winner = Literal["people", "nightshift"]


@dataclass(frozen=True, slots=True)
class Dispute:
    """Lumisections ``first`` to ``last`` of a run of which people say one thing and nightshift the opposite."""

    dataset: str
    subsystem: str
    labelled: str
    run: int
    first: int
    last: int
    flag: Flag
    cause: str
    answer: Answer
    reason: str


def router(store: Store, clock: Callable[[], float], renderer: Renderer) -> APIRouter:
    """The page of labels, and what settles a disagreement."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/labels")
    def page(request: Request, source: Source = "") -> HTMLResponse:
        live = renderer.live()
        with store.read() as tx:
            sources = labels.sources(tx)
            imported = [entry.name for entry in sources if entry.name != SETTLED]
            if not imported:
                return renderer.page(request, "labels.html", sources=sources, chosen="", **live)
            chosen = source or imported[0]
            labelled = labels.runs_of(tx, chosen)
            if not labelled:
                raise HTTPException(404, f"There are no labels of {chosen}.")
            runs = newest_among(tx, labelled, MOST_RUNS)
            outcomes = answered(read_source(tx, chosen, runs), read_verdicts(tx, runs))
        disputes = stretches(outcomes)
        return renderer.page(
            request,
            "labels.html",
            sources=sources,
            chosen=chosen,
            runs=len(runs),
            labelled_runs=len(labelled),
            evaluation=evaluate(outcomes, runs, np.random.default_rng(0)) if outcomes else None,
            disputes=disputes[:MOST_STRETCHES],
            more=max(0, len(disputes) - MOST_STRETCHES),
            flags=(Flag.BAD, Flag.GOOD),
            answers=tuple(Answer),
            **live,
        )

    @routes.post("/labels/settle/{winner}")
    def settle_dispute(
        request: Request, winner: Winner, form: Annotated[dict[str, str], Depends(form_fields)]
    ) -> Response:
        require_role(request, Role.EXPERT)
        actor, reason = checked_texts(form.get("actor", ""), form.get("reason", ""), "The reason", required=True)
        labelled = _flag(form.get("flag", ""))
        flag = labelled if winner == "people" else (Flag.GOOD if labelled is Flag.BAD else Flag.BAD)
        try:
            run, first, last = (int(form.get(name, "")) for name in ("run", "first", "last"))
            decision = Label(run, first, last, flag, form.get("subsystem", "")[:MOST_TEXT], reason)
        except (ValueError, LabelError) as error:
            raise HTTPException(422, f"The lumisections are no range: {error}") from error
        with store.begin() as tx:
            settle(tx, decision, actor, clock())
        return redirect_back(form, actor)

    return routes


def stretches(outcomes: Sequence[Outcome]) -> list[Dispute]:
    """Disagreements, newest run first; those of one kind that follow each other stand together."""
    merged: list[Dispute] = []
    disputed = [outcome for outcome in outcomes if outcome.disagrees]
    for outcome in sorted(disputed, key=lambda outcome: (outcome.subsystem, outcome.key)):
        verdict, ls = outcome.verdict, outcome.key.ls
        dispute = Dispute(
            verdict.dataset,
            verdict.subsystem,
            outcome.subsystem,
            outcome.key.run,
            ls,
            ls,
            outcome.flag,
            outcome.cause,
            verdict.answer,
            verdict.reason.name,
        )
        # Reasons may differ within a stretch: the first is named.
        same = merged and replace(merged[-1], first=ls, last=ls, reason=dispute.reason) == dispute
        if same and merged[-1].last == ls - 1:
            merged[-1] = replace(merged[-1], last=ls)
        else:
            merged.append(dispute)
    return sorted(merged, key=lambda dispute: (-dispute.run, dispute.first))


def _flag(text: str) -> Flag:
    try:
        return Flag(text)
    except ValueError as error:
        raise HTTPException(422, f"The flag is {text[:40]!r}; it must be good or bad.") from error
