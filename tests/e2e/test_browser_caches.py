"""The page of caches in a real browser, at both sizes: a suggestion is accepted, and XCache's file is downloaded."""

import pytest

pytest.importorskip("numba")

from opint.placement.storage import store_agent_lines
from opint.store.engine import Store
from tests.e2e.browsing import Clock, fits
from tests.serving import served
from tests.support import suggestions as seed

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('caches') / 'n.db'}")
    store.upgrade()
    seed.fill(store)
    seed.fill(store, "bari")
    store_agent_lines(store, "datasets", "rome", "T2_IT_Rome", seed.SUGGESTIONS, seed.TO_FETCH, seed.now_s())
    with served(store, Clock(seed.now_s())) as address:
        yield address
    store.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_at_both_sizes(page, url, tmp_path, scheme):
    fits(page, url, {"caches": "/caches?cache=rome", "placement-line": "/placement"}, scheme, tmp_path)


def test_a_quota_is_accepted_and_downloaded(page, url):
    page.goto(url + "/placement")
    page.locator("tr", has_text=seed.TO_FETCH[0].dataset).get_by_text("of waiting").wait_for()
    page.get_by_role("link", name="cache agent").first.click()
    page.locator("#suggestions tr", has_text="fetched in vain").get_by_text("6.5 h").first.wait_for()
    page.get_by_label("Your name").fill("Ada")
    row = page.locator("#suggestions tr", has_text="quota").filter(has_text=seed.MINI)
    row.get_by_role("button", name="Accept").click()
    row.get_by_text("✓ accepted").wait_for()
    with page.expect_download() as download:
        page.get_by_role("link", name="quota.cfg").click()
    assert f"{seed.MINI}/ {seed.CAPACITY // 4}" in download.value.path().read_text()
    page.locator("#events tr", has_text="accepted").first.get_by_text("Ada").wait_for()
