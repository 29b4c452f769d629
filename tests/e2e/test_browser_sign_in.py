"""Signing in with a real browser, by each way, and with the keyboard alone."""

import pytest
from playwright.sync_api import expect
from pydantic import SecretStr

from conf.dashboard import OidcSettings, ProxySignInSettings, SignInSettings
from opint.accounts.sign_in import hash_password
from opint.store import accounts
from opint.store.accounts import NewAccount
from tests.e2e.browsing import Clock, fits, settled, violations
from tests.serving import served
from tests.support.provider import free_port, providing

PASSWORD = "correct horse battery"  # noqa: S105
pytestmark = pytest.mark.browser


@pytest.fixture
def store(seeded_store):
    with seeded_store.begin() as tx:
        grace = NewAccount("grace", "Grace Hopper", "admin", "local", "grace", hash_password(PASSWORD))
        accounts.create(tx, grace, 0.0)
    return seeded_store


@pytest.fixture
def serving(store, seed):
    return lambda **dashboard: served(store, Clock(seed.now_s()), **dashboard)


def test_with_a_password_and_the_keyboard_alone(page, serving, tmp_path):
    page.expected = ["403"]
    with serving(sign_in=SignInSettings(accounts=True)) as url:
        page.goto(url + "/incidents/3")
        for password in ("wrong password", PASSWORD):
            expect(page.get_by_label("Account")).to_be_focused()
            page.keyboard.type("grace")
            page.keyboard.press("Tab")
            page.keyboard.type(password)
            page.keyboard.press("Enter")
            if password != PASSWORD:
                page.get_by_role("alert").get_by_text("The name or the password is wrong.").wait_for()
        settled(page)
        assert page.url == url + "/incidents/3"
        page.get_by_role("button", name="Acknowledge").focus()
        page.keyboard.press("Enter")
        page.locator("#audit").get_by_text("Grace Hopper (grace)").wait_for()
        fits(page, url, {"accounts": "/accounts"}, "light", tmp_path)
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("heading", name="Sign in").wait_for()
        assert violations(page) == []


def test_at_the_experiments_provider(page, serving):
    # The provider's own page takes its style from the net.
    page.expected = ["ERR_NAME_NOT_RESOLVED", "ERR_INTERNET_DISCONNECTED", "404"]
    port = free_port()
    with providing(free_port()) as provider:
        oidc = OidcSettings(
            issuer=provider, client_id="nightshift", client_secret=SecretStr("for tests"), roles="night=shifter"
        )
        sign_in, public_url = SignInSettings(oidc=oidc), f"http://127.0.0.1:{port}"
        with serving(port=port, public_url=public_url, sign_in=sign_in) as url:
            page.goto(url + "/runs")
            page.get_by_role("link", name="Sign in with the experiment").click()
            page.locator("input[name=sub]").fill("ada")
            page.get_by_role("button", name="Authorize").click()
            settled(page)
            assert page.url == url + "/runs"
            expect(page.locator(".account")).to_contain_text("ada of Kent")


def test_through_a_proxy_that_names_the_person(page, serving):
    proxy = ProxySignInSettings(user_header="X-User", default_role="viewer")
    with serving(sign_in=SignInSettings(proxy=proxy), trusted_proxies="127.0.0.1") as url:
        page.set_extra_http_headers({"X-User": "byron"})
        page.goto(url + "/runs")
        settled(page)
        expect(page.locator(".account")).to_contain_text("byron")
