"""A model in shadow beside the one that judges: where they agree, and where they do not."""

from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import HTMLResponse

from opint.dashboard.render import Renderer, RunText
from opint.registry import comparison
from opint.registry.training_data import OperatorFeedback
from opint.store import models
from opint.store.engine import Store
from opint.store.models import ShadowPair

MOST_RUNS = 20
"""Newest runs that are compared unless others are asked for."""
MOST_STRETCHES = 100
"""Stretches of lumisections judged differently that are listed."""


def router(store: Store, renderer: Renderer) -> APIRouter:
    """The page of models in shadow."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/models")
    def page(request: Request, pair: str = "", first: RunText = "", last: RunText = "") -> HTMLResponse:
        live = renderer.live()
        with store.read() as tx:
            pairs = models.shadow_pairs(tx)
            chosen = _chosen(pairs, pair)
            newest = models.newest_runs(tx, chosen, MOST_RUNS) if chosen else []
            span = range(int(first or (newest or [0])[-1]), int(last or (newest or [0])[0]) + 1)
            judged = comparison.read_pairs(tx, chosen.current, chosen.shadow, span) if chosen else []
            operator_feedback = OperatorFeedback.read(tx)
        stretches = comparison.stretches(judged)[::-1]
        return renderer.page(
            request,
            "models.html",
            pairs=pairs,
            chosen=chosen,
            span=span,
            rates=comparison.rates(judged),
            words=comparison.agreement(judged, operator_feedback),
            judged=len(judged),
            differing=sum(difference.differs for difference in judged),
            stretches=stretches[:MOST_STRETCHES],
            left_out=max(0, len(stretches) - MOST_STRETCHES),
            request_url="/models?" + urlencode(_address(chosen, span)),
            **live,
        )

    return routes


def _address(chosen: ShadowPair | None, span: range) -> dict[str, str | int]:
    """What the page shows, so that a part of it that asks for itself again gets the same."""
    if chosen is None:
        return {}
    return {"pair": f"{chosen.current}.{chosen.shadow}", "first": span.start, "last": span.stop - 1}


def _chosen(pairs: list[ShadowPair], versions: str) -> ShadowPair | None:
    """The pair whose versions are ``versions`` (the current one, a dot, the shadow), by default the newest."""
    if not versions:
        return pairs[0] if pairs else None
    chosen = next((pair for pair in pairs if f"{pair.current}.{pair.shadow}" == versions), None)
    if chosen is None:
        raise HTTPException(404, "These two models have not judged the same lumisections.")
    return chosen
