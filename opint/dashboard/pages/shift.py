"""The page of a shift: incidents by cause, who did what, notes, runs, open points; and its export for a log book."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from starlette.responses import HTMLResponse

from conf.errors import SettingsError
from conf.settings import Settings
from opint.dashboard.actions import checked_texts
from opint.dashboard.api import UNAVAILABLE
from opint.dashboard.render import Renderer, form_fields, redirect_back
from opint.guidance import render
from opint.shifts.report import ShiftReport, read_report, to_markdown
from opint.shifts.schedule import Shift, shift_at
from opint.store import shifts
from opint.store.engine import Store
from opint.store.shifts import ShiftNote
from opint.wording import iso, parse_moment

At = Annotated[str, Query(max_length=40, description="a moment of the shift, ISO 8601 (UTC); the present if empty")]


def router(store: Store, settings: Settings, clock: Callable[[], float], renderer: Renderer) -> APIRouter:
    """The page, what it exports, and the same by the API."""
    routes = APIRouter()

    def report_at(at: str) -> ShiftReport:
        now_s = clock()
        try:
            moment_s = parse_moment(at) if at else now_s
        except SettingsError as error:
            raise HTTPException(422, f"at: {error}") from error
        shift = shift_at(settings.shifts, moment_s)
        with store.read() as tx:
            return read_report(tx, shift, settings, now_s)

    def page_of(request: Request, template: str, report: ShiftReport, **values: object) -> HTMLResponse:
        neighbours = _neighbours(settings, report.shift)
        rendered = [render(note.text) for note in report.notes]
        return renderer.page(request, template, report=report, notes=rendered, neighbours=neighbours, **values)

    @routes.get("/shift", include_in_schema=False)
    def page(request: Request, at: At = "") -> HTMLResponse:
        live = renderer.live()
        report = report_at(at)
        present = report.shift.begin_s <= clock() < report.shift.end_s
        return page_of(request, "shift.html", report, present=present, **live)

    @routes.get("/shift/report.html", include_in_schema=False)
    def as_html(request: Request, at: At = "") -> HTMLResponse:
        report = report_at(at)
        response = page_of(request, "shift_report.html", report, public_url=settings.dashboard.public_url)
        response.headers["Content-Disposition"] = _attachment(report, "html")
        return response

    @routes.get("/shift/report.md", include_in_schema=False)
    def as_markdown(at: At = "") -> Response:
        report = report_at(at)
        headers = {"Content-Disposition": _attachment(report, "md")}
        return Response(to_markdown(report), media_type="text/markdown", headers=headers)

    @routes.get("/api/v1/shift", tags=["shift"], responses=UNAVAILABLE)
    def get_shift(at: At = "") -> ShiftReport:
        """The report of the shift of a moment: incidents by cause, actions, notes, runs and open points."""
        return report_at(at)

    @routes.post("/shift/notes", include_in_schema=False)
    def add_note(form: Annotated[dict[str, str], Depends(form_fields)]) -> Response:
        actor, text = checked_texts(form.get("actor", ""), form.get("text", ""), "The note", required=True)
        with store.begin() as tx:
            shifts.add_note(tx, ShiftNote(clock(), actor, text))
        return redirect_back(form, actor)

    return routes


def _neighbours(settings: Settings, shift: Shift) -> tuple[str, str]:
    """A moment of the shift before, and of the one after."""
    before = shift_at(settings.shifts, max(0.0, shift.begin_s - 1))
    return iso(before.begin_s), iso(shift.end_s)


def _attachment(report: ShiftReport, ending: str) -> str:
    stamp = iso(report.shift.begin_s).replace(":", "")
    return f'attachment; filename="shift-{stamp}.{ending}"'
