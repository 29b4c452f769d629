"""The pages of popularity and placement in a real browser, at both sizes."""

import pytest

from opint.placement.storage import store_plan
from opint.store.engine import Store
from tests.e2e.browsing import DESK, Clock, fits, settled
from tests.serving import served
from tests.support import seed_popularity
from tests.support.placement import PLAN

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('popularity') / 'n.db'}")
    seed_popularity.fill(store)
    store_plan(store, "simulated", PLAN, seed_popularity.now_s() - 60)
    with served(store, Clock(seed_popularity.now_s())) as address:
        yield address
    store.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_at_both_sizes(page, url, tmp_path, scheme):
    fits(page, url, {"popularity": "/popularity", "placement": "/placement"}, scheme, tmp_path)


def test_an_incident_leads_to_the_tier_and_a_search_to_a_dataset(page, url):
    page.goto(url + "/incidents")
    page.get_by_role("link", name="Popularity of AOD in simulated").click()
    page.get_by_role("link", name="Scoreboard and forecasts").click()
    page.locator("#model-choices").get_by_text("AOD", exact=True).wait_for()
    page.get_by_label("Dataset contains").fill("/MINIAOD")
    page.get_by_role("button", name="Show").click()
    settled(page)
    names = page.locator("#forecast td.mono").all_inner_texts()
    assert names
    assert all("/MINIAOD" in name for name in names)


def test_a_line_is_rejected_with_a_reason_and_another_accepted(page, url):
    page.goto(url + "/placement")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("Reason").fill("the group has left")
    page.locator("#plan tr", has_text="/Sample/B-v1/").get_by_role("button", name="Reject").click()
    page.locator("#plan tr", has_text="/Sample/B-v1/").get_by_text("Ada: the group has left").wait_for()
    page.set_viewport_size({"width": 390, "height": 400})
    line = page.locator("#plan tr", has_text="/Sample/A-v1/")
    line.scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    assert before > 0
    line.get_by_role("button", name="Accept").click()
    line.get_by_text("✓ accepted").wait_for()
    settled(page)
    assert abs(page.evaluate("scrollY") - before) < 200, "the page stays where it was"
    page.set_viewport_size(DESK)
    page.locator("select[name=which]").select_option("undecided")
    page.get_by_role("button", name="Show").click()
    settled(page)
    assert page.locator("#plan tbody tr").count() == 1
    page.get_by_label("Your name").press("Enter")
    settled(page)
    assert page.locator("#plan tbody tr").count() == 1, "Enter decides nothing"
    page.get_by_role("button", name="Accept all 1 undecided").click()
    page.get_by_text("No line fits.").wait_for()
