"""Which lumisections of a run are good for physics: the page, the certificate as JSON, and good-run JSON."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from starlette.responses import HTMLResponse

from conf.settings import CertifySettings
from opint.certification.certificate import Certificate, good_runs
from opint.certification.facts import CertifyError, certify_run
from opint.dashboard.api import NOT_FOUND, UNAVAILABLE, Number
from opint.dashboard.render import Renderer
from opint.store.engine import Store
from opint.store.runs import datasets_with

Dataset = Annotated[str | None, Query(max_length=1000, description="the only one that has the run if absent")]
MOST_RUNS = 1000


def router(store: Store, settings: CertifySettings, renderer: Renderer) -> APIRouter:
    """The page below /runs and two routes of the API."""
    routes = APIRouter()

    @routes.get("/runs/{run}/certificate", include_in_schema=False)
    def page(request: Request, run: Number, dataset: str | None = None) -> HTMLResponse:
        live = renderer.live()
        with store.read() as tx:
            having = datasets_with(tx, run)
        certificate = _certificate(store, settings, run, dataset if dataset or not having else having[0])
        return renderer.page(
            request,
            "certificate.html",
            certificate=certificate,
            parts=_parts(certificate),
            having=having,
            least=settings.least_inspected,
            **live,
        )

    @routes.get("/api/v1/runs/{run}/certificate", tags=["certification"], responses=NOT_FOUND | UNAVAILABLE)
    def get_certificate(run: Number, dataset: Dataset = None) -> Certificate:
        """Good and excluded ranges of one run, why, and the luminosity lost (1/pb)."""
        return _certificate(store, settings, run, dataset)

    @routes.get("/api/v1/good-runs", tags=["certification"], responses=NOT_FOUND | UNAVAILABLE)
    def get_good_runs(
        run: Annotated[list[Number], Query(max_length=MOST_RUNS, description="repeat for several")],
        dataset: Dataset = None,
    ) -> dict[str, list[list[int]]]:
        """Good-run JSON: the inclusive ranges of good lumisections by run; runs without any are left out."""
        return good_runs(_certificate(store, settings, number, dataset) for number in dict.fromkeys(run))

    return routes


def _certificate(store: Store, settings: CertifySettings, run: int, dataset: str | None) -> Certificate:
    with store.read() as tx:
        try:
            return certify_run(tx, run, dataset, settings)
        except CertifyError as error:
            raise HTTPException(404, str(error)) from error


def _parts(certificate: Certificate) -> list[dict[str, object]]:
    """All ranges in order, the good ones without reasons."""
    good = [{"first": first, "last": last, "why": ()} for first, last in certificate.good]
    bad = [
        {"first": excluded.first, "last": excluded.last, "why": excluded.why, "lost": excluded.lost}
        for excluded in certificate.excluded
    ]
    return sorted([*good, *bad], key=lambda part: part["first"])  # type: ignore[arg-type,return-value]
