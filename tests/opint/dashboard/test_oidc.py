"""Sign-in by a real OpenID Connect provider on loopback, and by one that is away, replays or changes its keys."""

import contextlib
import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import SecretStr

from conf.dashboard import OidcSettings, SignInSettings
from tests.serving import served
from tests.support.provider import free_port, providing


@pytest.fixture(scope="module")
def provider():
    with providing(free_port()) as url:
        yield url


@pytest.fixture
def page(empty_store):
    def start(issuer):
        port = free_port()
        secret = SecretStr("for tests")
        oidc = OidcSettings(issuer=issuer, client_id="nightshift", client_secret=secret, roles="night=shifter")
        public_url = f"http://127.0.0.1:{port}"
        return served(empty_store, lambda: 0.0, port=port, public_url=public_url, sign_in=SignInSettings(oidc=oidc))

    return start


def at_the_provider(client, name):
    """The address at which the provider sends the browser back after ``name`` has signed in there."""
    to_provider = client.get("/sign-in/oidc?next=/runs")
    assert to_provider.status_code == 302
    query = parse_qs(urlsplit(to_provider.headers["location"]).query)
    assert query["code_challenge_method"] == ["S256"]
    return httpx.post(to_provider.headers["location"], data={"sub": name}).headers["location"]


def test_a_member_of_a_group_signs_in(provider, page):
    with page(provider) as url, httpx.Client(base_url=url, timeout=60) as client:
        back = at_the_provider(client, "ada")
        answer = client.get(back)
        assert (answer.status_code, answer.headers["location"]) == (303, "/runs")
        shown = client.get("/runs").text
        assert re.search(r"ada of Kent\s*<small>shifter", shown)


def test_others_are_refused_by_name(provider, page):
    with page(provider) as url, httpx.Client(base_url=url, timeout=60) as client:
        refused = client.get(at_the_provider(client, "byron"))
        assert refused.status_code == 403
        assert "no group that has a role" in refused.text


def test_a_way_back_is_good_once_and_in_one_browser(provider, page):
    with (
        page(provider) as url,
        httpx.Client(base_url=url, timeout=60) as client,
        httpx.Client(base_url=url, timeout=60) as other,
    ):
        back = at_the_provider(client, "ada")
        assert other.get(back).status_code == 403
        assert client.get(back).status_code == 303
        client.cookies.delete("nightshift_session")
        assert client.get(back).status_code == 403


def test_a_provider_that_is_away_is_said(page):
    with page(f"http://127.0.0.1:{free_port()}") as url, httpx.Client(base_url=url, timeout=60) as client:
        away = client.get("/sign-in/oidc")
        assert away.status_code == 502
        assert "does not answer" in away.text


def test_keys_that_the_provider_has_rotated_are_fetched_again(page):
    port = free_port()
    with contextlib.ExitStack() as running:
        with providing(port) as provider:
            client = httpx.Client(base_url=running.enter_context(page(provider)))
            running.enter_context(client)
            assert client.get(at_the_provider(client, "ada")).status_code == 303
        client.cookies.clear()
        with providing(port):
            assert client.get(at_the_provider(client, "ada")).status_code == 303
