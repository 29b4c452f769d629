"""Which datasets will be wanted, how good earlier forecasts were, and who forecasts."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Query, Request
from starlette.responses import HTMLResponse

from opint.dashboard.api import NOT_FOUND, UNAVAILABLE, Cursor, Limit
from opint.dashboard.charts import SPARK_HEIGHT, SPARK_WIDTH, spark_points
from opint.dashboard.render import Renderer
from opint.popularity.summary import summary_lines
from opint.store import popularity
from opint.store.engine import Store
from opint.store.popularity import ForecastPage, StoredCatalogue, StoredModelChoice, StoredScore

SHOWN = 50

Name = Annotated[str, Query(max_length=200, description="of the catalogue; the one stored last if it is left out")]
LabelText = Annotated[str, Query(max_length=100, description="what counts as popular")]
Weeks = Annotated[int | None, Query(ge=1, le=26, description="weeks ahead")]
Search = Annotated[str, Query(max_length=200, description="part of the datasets' names")]


def router(store: Store, renderer: Renderer) -> APIRouter:
    """The page, and its part of the API."""
    routes = APIRouter()
    _add_page(routes, store, renderer)
    _add_api(routes, store)
    return routes


def _add_page(routes: APIRouter, store: Store, renderer: Renderer) -> None:
    @routes.get("/popularity", include_in_schema=False)
    def page(
        request: Request,
        catalogue: Name = "",
        label: LabelText = "",
        horizon: Weeks = None,
        search: Search = "",
        cursor: Cursor = None,
    ) -> HTMLResponse:
        live = renderer.live()
        with store.read() as tx:
            catalogues = popularity.catalogues(tx)
            selected = _chosen(catalogues, catalogue, label, horizon)
            if selected is None:
                return renderer.page(request, "popularity.html", selected=None, **live)
            skip = int(cursor or 0)
            shown = popularity.forecasts(tx, selected, search=search, limit=SHOWN, skip=skip)
            board, model_choices = (
                summary_lines(popularity.scores(tx, selected)),
                popularity.model_choices(tx, selected),
            )
        of = {"catalogue": selected.catalogue, "label": selected.label, "horizon": selected.horizon}
        return renderer.page(
            request,
            "popularity.html",
            selected=selected,
            catalogues=[
                (record, urlencode({"catalogue": record.catalogue, "label": record.label, "horizon": record.horizon}))
                for record in catalogues
            ],
            of=of,
            shown=shown,
            board=board,
            model_choices=model_choices,
            search=search,
            rest="&" + urlencode(of | {"search": search}),
            spark_points=spark_points,
            spark_width=SPARK_WIDTH,
            spark_height=SPARK_HEIGHT,
            **live,
        )


def _add_api(routes: APIRouter, store: Store) -> None:
    @routes.get("/api/v1/popularity", tags=["popularity"], responses=UNAVAILABLE)
    def list_catalogues() -> list[StoredCatalogue]:
        """What was asked of which datasets."""
        with store.read() as tx:
            return popularity.catalogues(tx)

    @routes.get("/api/v1/popularity/forecasts", tags=["popularity"], responses=NOT_FOUND | UNAVAILABLE)
    def list_forecasts(
        catalogue: Name = "",
        label: LabelText = "",
        horizon: Weeks = None,
        search: Search = "",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> ForecastPage:
        """The newest forecast, the likeliest datasets first."""
        with store.read() as tx:
            selected = _catalogue_or_404(_chosen(popularity.catalogues(tx), catalogue, label, horizon))
            return popularity.forecasts(tx, selected, search=search, limit=limit, skip=int(cursor or 0))

    @routes.get("/api/v1/popularity/scoreboard", tags=["popularity"], responses=NOT_FOUND | UNAVAILABLE)
    def get_scoreboard(catalogue: Name = "", label: LabelText = "", horizon: Weeks = None) -> list[StoredScore]:
        """How each model fared, week by week and tier by tier."""
        with store.read() as tx:
            return popularity.scores(
                tx, _catalogue_or_404(_chosen(popularity.catalogues(tx), catalogue, label, horizon))
            )

    @routes.get("/api/v1/popularity/model-choices", tags=["popularity"], responses=NOT_FOUND | UNAVAILABLE)
    def get_model_choices(
        catalogue: Name = "", label: LabelText = "", horizon: Weeks = None
    ) -> list[StoredModelChoice]:
        """Which model forecasts for which tier, and why."""
        with store.read() as tx:
            return popularity.model_choices(
                tx, _catalogue_or_404(_chosen(popularity.catalogues(tx), catalogue, label, horizon))
            )


def _chosen(
    catalogues: list[StoredCatalogue], catalogue: str, label: str, horizon: int | None
) -> StoredCatalogue | None:
    """The newest that fits; None if nothing is stored. Raises HTTPException 404 if nothing fits."""
    if not catalogues:
        return None
    for candidate in catalogues:
        if (
            catalogue in ("", candidate.catalogue)
            and label in ("", candidate.label)
            and horizon in (None, candidate.horizon)
        ):
            return candidate
    raise HTTPException(404, f"Nothing is stored of {catalogue or 'any catalogue'} {label}.")


def _catalogue_or_404(selected: StoredCatalogue | None) -> StoredCatalogue:
    if selected is None:
        raise HTTPException(404, "Nothing is stored yet: nightshift popularity scoreboard TABLE --keep")
    return selected
