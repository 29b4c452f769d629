"""The whole HTTP surface under odd requests: every answer is one of ours, and none is a server error."""

import contextlib
import http.client
import re
from urllib.parse import quote, urlencode, urlsplit

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance
from starlette.routing import Mount

from conf.settings import Settings
from opint.dashboard.app import create_app
from opint.store.engine import Store
from tests.opint.dashboard import seed_hotline, seed_rates
from tests.serving import served

NUMBERS = ["-1", "0", "2", "379415", str(2**63), "9" * 5000, "1e3", "1.5", "nan", "٣"]
ODD = st.sampled_from([*NUMBERS, "", "\0", "%", "..", "a\nb", "💥", "x" * 3000]) | st.text(max_size=8)
FEW = settings(suppress_health_check=list(HealthCheck), derandomize=True)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request, seed, tmp_path_factory):
    """The dashboard of a filled store."""
    if request.param == "sqlite":
        store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('fuzz') / 'nightshift.db'}")
    else:
        server = request.getfixturevalue("postgres")
        store = Store.open(server.url(server.database()))
    for filler in (seed, seed_hotline, seed_rates):
        filler.fill(store)
    with served(store, seed.now_s) as address:
        yield address
    store.close()


def test_the_api_answers_whatever_it_is_asked(url):
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    with httpx.Client(base_url=url) as client:
        token = client.get("/api/v1/session").json()["csrf_token"]
    for operation in schema.get_all_operations():

        @settings(FEW, max_examples=8)
        @given(operation.ok().as_strategy())
        def answers(case):
            case.headers = {**(case.headers or {}), "X-CSRF-Token": token}
            case.cookies = {**(case.cookies or {}), "nightshift_csrf": token}
            case.call_and_validate(checks=[not_a_server_error, response_schema_conformance])

        answers()


def page_routes():
    """Method, path and names of query parameters of each route that is no part of the API."""
    app = create_app(Settings(), Store.open("sqlite:///unused.db"), lambda: 0.0)
    flat = [*app.routes]
    for route in flat:
        inner = getattr(route, "routes", None) or getattr(getattr(route, "original_router", None), "routes", None)
        if inner and not isinstance(route, Mount):
            flat += inner
            continue
        path = getattr(route, "path", "")
        if isinstance(route, Mount):
            yield "GET", "/static/{path}", ()
        elif not path.startswith("/api/") and path != "/events":
            names = (
                [query_param.alias for query_param in route.dependant.query_params]
                if hasattr(route, "dependant")
                else []
            )
            for method in route.methods - {"HEAD"}:
                yield method, path, tuple(names)


@st.composite
def odd_requests(draw, routes):
    method, path, names = draw(st.sampled_from(routes))
    path = re.sub(r"\{\w+(:path)?\}", lambda _: quote(draw(ODD), safe="/"), path)
    query = urlencode([(name, draw(ODD)) for name in names if draw(st.booleans())])
    form = {name: draw(ODD) for name in ("actor", "text", "note", "reason", "back", "catalogue", "made_s")}
    return method, f"{path}?{query}" if query else path, form


def ask(url, method, target, body=b"", headers=()):
    """The answer to a request that no client library has put right."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    with contextlib.closing(connection):
        connection.request(method, target, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_every_page_answers_whatever_it_is_asked(url):
    with httpx.Client(base_url=url) as client:
        token = client.get("/api/v1/session").json()["csrf_token"]
    routes = sorted(page_routes())
    assert {"/incidents/{incident_id}", "/triggers", "/placement/{line}/{verdict}"} <= {path for _, path, _ in routes}

    @settings(FEW, max_examples=250)
    @given(odd_requests(routes))
    def answers(request):
        method, target, form = request
        body = urlencode({"csrf": token, **form}).encode() if method == "POST" else b""
        status, content = ask(url, method, target, body, {"Cookie": f"nightshift_csrf={token}"})
        assert status < 500 or (status == 503 and target == "/readyz"), (target, content)

    answers()
