"""Rendering of pages, and the forms that they send: shared by all pages."""

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs, quote, unquote

from fastapi import HTTPException, Query, Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import AfterValidator
from starlette.responses import HTMLResponse, RedirectResponse

from conf.settings import Settings
from opint.dashboard.actions import MOST_ACTOR, MOST_TEXT
from opint.dashboard.filters import FILTERS, FUNCTIONS
from opint.dashboard.identity import actor_of, identity_of
from opint.dashboard.security import check_token, csrf_token, keep_token
from opint.dashboard.sse import event_id
from opint.store import system
from opint.store.engine import Store

ACTOR_COOKIE = "nightshift_actor"
ACTOR_DAYS = 30
MOST_FIELDS = 100


def _run_text(text: str) -> str:
    if text and not (text.isdecimal() and len(text) < 16):
        raise ValueError("write the number of a run, such as 379415")
    return text


RunText = Annotated[str, AfterValidator(_run_text), Query(description="a run; all if empty")]
_TEMPLATES = Path(__file__).parent / "templates"


class Renderer:
    """Jinja templates with what every page needs: the time, the token, the operator's name, the marker."""

    def __init__(self, store: Store, settings: Settings, clock: Callable[[], float]) -> None:
        """Templates autoescape; a name that is not given is an error."""
        self._store, self._settings, self._clock = store, settings, clock
        loader = FileSystemLoader(_TEMPLATES)
        self._templates = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
        self._templates.filters.update(FILTERS)
        self._templates.globals.update(FUNCTIONS)

    def page(self, request: Request, name: str, code: int = 200, /, **values: Any) -> HTMLResponse:
        """One rendered page."""
        token = csrf_token(request)
        common = {
            "now_s": self._clock(),
            "csrf": token,
            "identity": identity_of(request),
            "actor": actor_name(request),
            "stale_after_s": self._settings.dashboard.stale_after_s,
            "most_text": MOST_TEXT,
            "most_actor": MOST_ACTOR,
            "path": request.url.path,
        }
        text = self._templates.get_template(name).render({"marker": "", "heartbeat_s": None} | common | values)
        response = HTMLResponse(text, code, headers={"Cache-Control": "no-store"})
        keep_token(request, response, token)
        return response

    def problem(self, request: Request, status: int, detail: str) -> HTMLResponse:
        """The page that says what went wrong."""
        title = f"{status} {HTTPStatus(status).phrase}"
        return self.page(request, "problem.html", status, title=title, detail=detail, before=_page_before(request))

    def live(self) -> dict[str, Any]:
        """Where the store stands; read before a page's own queries, so that no change falls between."""
        with self._store.read() as tx:
            marker = system.marker(tx)
        return {"marker": event_id(marker), "heartbeat_s": marker.heartbeat / 1000 if marker.heartbeat else None}


def _page_before(request: Request) -> str | None:
    """The page of ours that led to this request; None if there is none."""
    own = f"{request.url.scheme}://{request.headers['host']}"
    path = own_path(request.headers.get("referer", "").removeprefix(own))
    return None if path == "/" else path


def actor_name(request: Request) -> str:
    """Who has signed in, or the name that was typed in a form before; empty if none was."""
    return actor_of(request, unquote(request.cookies.get(ACTOR_COOKIE, ""))[:MOST_ACTOR])


def own_url(request: Request) -> str:
    """Path and query, for a part of a page that asks for itself again."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def own_path(text: str) -> str:
    """A path of our own to go to; the front page for anything else."""
    return text if text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable() else "/"


def redirect_back(form: dict[str, str], actor: str) -> Response:
    """Back to where the form stood; the operator's name is kept for the next one."""
    response = RedirectResponse(form["back"], 303)
    response.set_cookie(
        ACTOR_COOKIE, quote(actor.strip()), max_age=ACTOR_DAYS * 86400, httponly=True, samesite="strict", path="/"
    )
    return response


async def form_fields(request: Request) -> dict[str, str]:
    """The fields of an urlencoded form that comes from one of our own pages; its size has been checked.

    ``actor`` is who has signed in, or the name that was typed; ``back`` is a path of our own; ``ids`` are the values of
    all boxes ``id`` that are ticked, with commas between them.
    """
    body = (await request.body()).decode("utf-8", "replace")
    try:
        fields = parse_qs(body, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise HTTPException(422, f"The form has more than {MOST_FIELDS} fields.") from None
    form = {name: values[-1] for name, values in fields.items()}
    form["ids"] = ",".join(fields.get("id", ()))
    if "\0" in "".join(form.values()):
        raise HTTPException(422, "The form holds a NUL character.")
    check_token(request, form.get("csrf", ""))
    form["back"] = own_path(form.get("back", "/"))
    form["actor"] = actor_of(request, form.get("actor", ""))
    return form
