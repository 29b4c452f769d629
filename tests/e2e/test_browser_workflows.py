"""The pages of failing workflows in a real browser."""

from dataclasses import replace

import numpy as np
import pytest

from opint.actions.simulation.history import simulate_history
from opint.store.engine import Store
from tests.e2e.browsing import Clock, fits, settled
from tests.opint.actions.seed_workflows import seed_workflows
from tests.serving import served

pytestmark = pytest.mark.browser


@pytest.fixture
def url(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path / 'n.db'}")
    store.upgrade()
    snapshots = [each.case.failures for each in simulate_history(np.random.default_rng(1), 30, 1)]
    now_s = max(snapshot.time for snapshot in snapshots)
    with store.begin() as tx:
        seed_workflows(tx, [replace(snapshot, time=now_s) for snapshot in snapshots])
        seed_workflows(tx, [replace(snapshots[0], time=now_s, errors=snapshots[1].errors)])
    with served(store, Clock(now_s)) as address:
        yield address
    store.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_at_both_sizes(page, url, tmp_path, scheme):
    paths = {"tasks": "/workflows", "task": "/workflows/1", "messages": "/workflows/messages?class=1"}
    fits(page, url, paths | {"board": "/workflows/scoreboard"}, scheme, tmp_path)


def test_a_suggestion_is_accepted_and_ends(page, url):
    page.goto(f"{url}/workflows/1")
    settled(page)
    assert page.get_by_text("Emulated.").count() == 1
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Accept").click()
    page.locator("#head").get_by_text("✓ accepted by Ada").wait_for()
    page.get_by_role("button", name="It ended well").click()
    page.locator("#head").get_by_text("✓ succeeded").wait_for()
