"""The page of trigger rates in a real browser: the culprit stands out, and a click shows it."""

from contextlib import closing, contextmanager

import pytest

from opint.store.engine import Store
from tests.e2e.browsing import Clock, fits, settled
from tests.opint.dashboard import seed_rates
from tests.opint.dashboard.seed_rates import ALONE, CHANGE_LS, CULPRIT
from tests.serving import served

pytestmark = pytest.mark.browser


@contextmanager
def served_rates(folder):
    """A store with the rates of one run, and the address of its page."""
    with closing(Store.open(f"sqlite:///{folder / 'n.db'}")) as store:
        seed_rates.fill(store)
        with served(store, Clock(seed_rates.now_s(seed_rates.site()))) as address:
            yield store, address


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with served_rates(tmp_path_factory.mktemp("rates")) as (_, address):
        yield address


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_at_both_sizes(page, url, tmp_path, scheme):
    fits(page, url, {"triggers": "/triggers"}, scheme, tmp_path)


def test_the_map_by_keyboard_leads_to_a_rate(page, url):
    page.goto(url + "/triggers")
    settled(page)
    page.get_by_text("27 of 108 rates × 110 lumisections").wait_for()
    page.get_by_label("Name contains").fill(ALONE)
    page.get_by_text("1 of 108 rates").wait_for()
    page.locator("#map").focus()
    page.keyboard.press("ArrowRight")
    page.locator("#readout").get_by_text(f"{ALONE} · run 386000 LS 110 · consistent").wait_for()
    page.keyboard.press("Enter")
    page.locator("#rate-name").get_by_text(ALONE).wait_for()
    assert "ls=110" in page.url
    assert page.locator("#members [aria-current]").inner_text() == f"✕ {ALONE}"
    assert ALONE in page.locator("#against-ls .u-title").inner_text()
    page.get_by_text("1 change of prescale column or version").click()
    assert page.locator("#rate-changes li").all_inner_texts() == [f"LS {CHANGE_LS}: column 3"]


def test_the_incident_of_a_seed_leads_to_it(page, url):
    page.goto(url + "/incidents")
    page.get_by_role("link", name=f"{CULPRIT}: 9 of 9 rates moved together").click()
    page.get_by_role("link", name="Rates against LS and pileup").click()
    settled(page)
    assert page.locator("#rate-name").inner_text().startswith(CULPRIT)
    page.locator("#which").select_option("this")
    page.get_by_text("9 of 108 rates").wait_for()


def test_lumisections_arrive_without_a_reload(page, tmp_path):
    with served_rates(tmp_path) as (store, url):
        page.goto(url + "/triggers")
        settled(page)
        page.evaluate("window.notReloaded = true")
        page.locator("#causes").get_by_text("110 lumisections, LS 1 to 110").wait_for()
        seed_rates.one_more(store, seed_rates.site(), 111)
        page.locator("#causes").get_by_text("111 lumisections, LS 1 to 111").wait_for(timeout=10_000)
        page.locator("#count").get_by_text("× 111 lumisections").wait_for(timeout=15_000)
        assert page.evaluate("window.notReloaded")
