"""What the list of incidents and each incident's page say."""

import pytest

from streams.records import Conditions
from tests.support.incidents import open_incident, publish


@pytest.mark.parametrize("page", ["/incidents?state=open", "/incidents/{number}", "/"])
def test_what_an_incident_follows_from_is_shown(page, fresh, store, seed):
    with store.begin() as tx:
        publish(tx, Conditions(beams_stable=False))
        number = open_incident(
            tx, at_s=seed.now_s(), family="starved", first_run=7, first_ls=1, last_run=7, last_ls=1, severity="critical"
        )
    shown = fresh.get(page.format(number=number)).text
    assert "no stable beams since 01:01:40 UTC, run 7 LS 1" in shown
