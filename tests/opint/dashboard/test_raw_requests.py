"""Requests as no browser sends them: odd bytes, half requests, connections that are cut off."""

import contextlib
import socket
import time
from urllib.parse import urlsplit

import httpx
import pytest

from opint.dashboard import serve
from tests.serving import served


def send(url, data):
    """Status line of the server's answer to these bytes, or what came of it before the server closed."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=30) as raw:
        raw.sendall(data)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while b"\r\n" not in answer and (more := raw.recv(65536)):
                answer += more
    return answer


def get(target, *headers):
    """A request for a page."""
    return b"\r\n".join((b"GET " + target + b" HTTP/1.1", b"Host: 127.0.0.1", b"Connection: close", *headers, b"", b""))


def post(content_type, body, *headers, path=b"/incidents/2/comment"):
    """A comment on an incident, which no form of ours has sent."""
    length = b"Content-Length: %d" % len(body)
    return get(path, b"Content-Type: " + content_type, length, *headers).replace(b"GET", b"POST", 1) + body


FORM, FILES, JSON = b"application/x-www-form-urlencoded", b"multipart/form-data", b"application/json"
TOKEN = b"Cookie: nightshift_csrf=x", b"X-CSRF-Token: x"
API = b"/api/v1/incidents/2/comment"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: [\r\n\r\n", 421),
        (b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n", 421),
        (get(b"/incidents?subsystem=%00"), 400),
        (get(b"/incidents/%00"), 400),
        (get(b"/incidents?subsystem=%ED%A0%80"), 200),
        (get(b"/\xff"), 400),
        (get(b"http://elsewhere/"), 404),
        (get(b"/", b'Cookie: nightshift_csrf="\\001"; nightshift_actor=%ff'), 200),
        (get(b"/incidents").replace(b"GET", b"DELETE"), 405),
        (post(FORM, b"").replace(b"Length: 0", b"Length: 9e9"), 400),
        (post(FORM, b"a=b&c=d"), 403),
        (post(FORM, b"a=b&" * 101), 422),
        (post(FORM, b"csrf=x&actor=%00", TOKEN[0]), 422),
        (post(FILES, b"--x"), 403),
        (post(JSON, b'{"actor":"\\ud800"}', *TOKEN, path=API), 422),
        (post(JSON, b'{"actor":NaN}', *TOKEN, path=API), 422),
        (post(JSON, b"\xff", *TOKEN, path=API), 400),
        (b"HELO\r\n\r\n", 400),
        (b"A" * 70_000, 400),
    ],
)
def test_odd_bytes_are_refused(client, data, status):
    assert send(str(client.base_url), data).startswith(b"HTTP/1.1 %d " % status)


def test_requests_that_are_cut_off_cost_nothing(client, capfd):
    for _ in range(50):
        with socket.create_connection((client.base_url.host, client.base_url.port)) as raw:
            raw.sendall(post(FORM, b"a" * 100)[:-97])
    begun = time.monotonic()
    assert client.get("/healthz").status_code == 200
    assert time.monotonic() - begun < 0.5
    heard = "".join(capfd.readouterr())
    assert "Traceback" not in heard
    assert len(heard.splitlines()) <= 50


@pytest.mark.parametrize(
    "begun", [b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ", b"POST /a HTTP/1.1\r\nContent-Length: 9\r\n"]
)
def test_half_a_request_is_not_held(empty_store, monkeypatch, begun):
    monkeypatch.setattr(serve, "RECEIVE_S", 0.2)
    with served(empty_store, time.time) as url, socket.create_connection(("127.0.0.1", urlsplit(url).port), 5) as raw:
        raw.sendall(begun)
        assert raw.recv(1000) == b""


def test_a_second_request_on_the_same_connection_has_its_own_time(empty_store, monkeypatch):
    monkeypatch.setattr(serve, "RECEIVE_S", 0.4)
    request = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with served(empty_store, time.time) as url, socket.create_connection(("127.0.0.1", urlsplit(url).port), 5) as raw:
        for _ in range(4):
            time.sleep(0.2)
            raw.sendall(request)
            answer = b""
            while not answer.endswith(b"}"):
                answer += raw.recv(4000)
            assert answer.startswith(b"HTTP/1.1 200 ")
        raw.sendall(request[:9])
        assert raw.recv(1000) == b""


def test_a_connection_too_many_is_closed(empty_store, monkeypatch):
    monkeypatch.setattr(serve, "MOST_CONNECTIONS", 2)
    with served(empty_store, time.time) as url, contextlib.ExitStack() as opened:
        place = ("127.0.0.1", urlsplit(url).port)
        connections = [opened.enter_context(socket.create_connection(place, 5)) for _ in range(2)]
        time.sleep(0.2)
        assert opened.enter_context(socket.create_connection(place, 5)).recv(10) == b""
        connections[0].close()
        time.sleep(0.2)
        assert httpx.get(f"{url}/healthz").status_code == 200


def test_problems_are_pages_for_people_and_json_for_programs(client):
    for path, status in (("/incidents/9999999999999999999", 404), ("/nothing", 404), ("/incidents?cursor=x", 422)):
        page = client.get(path)
        assert page.status_code == status
        assert "Back to the overview" in page.text
    assert "cursor is &#39;x&#39;" in client.get("/incidents?cursor=x").text
    assert "Back to the overview" in client.delete("/incidents").text
    refusal = client.get("/api/v1/incidents/9999999999999999999").json()["detail"]
    assert refusal.startswith("incident_id is '9999999999999999999': should be less than")
