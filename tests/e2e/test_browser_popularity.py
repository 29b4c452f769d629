"""The page of popularity in a real browser, at both sizes."""

import pytest

from opint.store.engine import Store
from tests.e2e.test_browser_pages import DESK, PHONE, _Clock, _settled, page  # noqa: F401 - a fixture
from tests.opint.dashboard import seed_popularity
from tests.serving import served

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('popularity') / 'n.db'}")
    seed_popularity.fill(store)
    with served(store, _Clock(seed_popularity.now_s())) as address:
        yield address
    store.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_at_both_sizes(page, url, tmp_path, scheme):  # noqa: F811
    page.emulate_media(color_scheme=scheme)
    for name, size in (("desk", DESK), ("phone", PHONE)):
        page.set_viewport_size(size)
        page.goto(url + "/popularity")
        _settled(page)
        page.screenshot(path=tmp_path / f"popularity-{name}-{scheme}.png", full_page=True)
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{wide} px wider than the {name}'s screen"


def test_an_incident_leads_to_the_tier_and_a_search_to_a_dataset(page, url):  # noqa: F811
    page.goto(url + "/incidents")
    page.get_by_role("link", name="Popularity of AOD in simulated").click()
    page.get_by_role("link", name="Scoreboard and forecasts").click()
    page.locator("#standings").get_by_text("AOD", exact=True).wait_for()
    page.get_by_label("Dataset contains").fill("/MINIAOD")
    page.get_by_role("button", name="Show").click()
    _settled(page)
    names = page.locator("#forecast td.mono").all_inner_texts()
    assert names
    assert all("/MINIAOD" in name for name in names)
