"""The hotline in a real browser: found, looked at, marked."""

import pytest

from opint.store.engine import Store
from tests.e2e.browsing import Clock, fits, settled
from tests.opint.dashboard import seed_hotline
from tests.serving import served

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('hotline') / 'n.db'}")
    seed_hotline.fill(store)
    yield store
    store.close()


@pytest.fixture(scope="module")
def url(store):
    with served(store, Clock(seed_hotline.now_s())) as address:
        yield address


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_at_both_sizes(page, url, tmp_path, scheme):
    fits(page, url, {"hotline": "/hotline", "event": "/hotline/24"}, scheme, tmp_path)


def test_an_event_is_found_looked_at_and_marked(page, url):
    page.goto(url + "/hotline")
    page.get_by_label("Marked").select_option("new")
    page.get_by_label("Dataset").select_option(seed_hotline.DATASET)
    page.get_by_role("button", name="Show").click()
    page.locator("#kept").get_by_text("not looked at").first.wait_for()
    assert page.locator("#kept").get_by_text("interesting").count() == 0
    page.locator("#kept a[href^='/hotline/']").first.click()
    page.get_by_text("Nobody has looked at this event yet.").wait_for()
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("Note").fill("a <Z> with a photon")
    page.keyboard.press("Enter")
    page.wait_for_timeout(500)
    assert page.get_by_text("Nobody has looked at this event yet.").count() == 1, "Enter marks nothing"
    page.get_by_role("button", name="Known process").click()
    page.locator("#markings").get_by_text("a <Z> with a photon").wait_for()
    page.reload()
    assert page.locator("#head .marking").inner_text() == "– known process"
    assert page.get_by_label("Your name").input_value() == "Ada"


def test_a_kept_event_arrives_without_a_reload(page, url, store):
    page.goto(url + "/hotline")
    settled(page)
    page.evaluate("window.notReloaded = true")
    seed_hotline.one_more(store, 50, seed_hotline.now_s())
    page.locator("#kept").get_by_text("event 7000050").wait_for(timeout=10_000)
    assert page.evaluate("window.notReloaded")
