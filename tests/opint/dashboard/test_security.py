"""Loopback only, our own pages only, no inline code."""

import re

import pytest
from pydantic import ValidationError

from conf.dashboard import DashboardSettings
from conf.errors import SettingsError
from opint.dashboard.serve import bind


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "LOCALHOST", "::1", "[::1]"])
def test_loopback_needs_no_sign_in(host):
    assert DashboardSettings(host=host).host == host


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "192.168.1.4", "example.org", "127.0.0.1.example.org", "localhost.x"],  # noqa: S104
)
def test_other_addresses_are_refused_without_sign_in(host):
    with pytest.raises(ValidationError, match=r"is not loopback.*sign_in.*SSH tunnel"):
        DashboardSettings(host=host)


def test_a_host_that_is_no_address_is_refused():
    with pytest.raises(SettingsError, match=r"^dashboard\.host is 'example.org'"):
        bind("example.org", 0)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "", "10.0.0.1"])
def test_a_foreign_host_header_is_refused(client, host):
    assert client.get("/", headers={"Host": host}).status_code in {400, 421}


@pytest.mark.parametrize("host", ["localhost:9", "127.0.0.1", "[::1]:8080"])
def test_loopback_host_headers_are_answered(client, host):
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/v1/incidents", "/static/style.css", "/nothing", "/events/none"])
def test_every_answer_carries_the_headers(client, path):
    headers = client.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'self'")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"


def test_cookies_stay_here(client):
    cookie = client.get("/").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()


def test_large_and_unmeasured_bodies_are_refused(client):
    assert client.post("/incidents/3/comment", content=b"x" * 70_000).status_code == 413
    assert client.post("/incidents/3/comment", content=iter([b"x"])).status_code == 411


@pytest.mark.parametrize("path", ["/", "/incidents", "/incidents/2", "/runs", "/runs/379415", "/system", "/nothing"])
def test_no_inline_code_or_style_and_nothing_from_outside(client, path):
    page = client.get(path).text
    assert not re.search(r"<[^>]+\son\w+=", page)
    assert not re.search(r"<[^>]+\sstyle=", page)
    assert "<style" not in page
    assert not re.search(r'<script(?![^>]*(src="/static/|type="application/json"))', page)
    assert not re.search(r'(src|href|action)="(https?:)?//', page)
