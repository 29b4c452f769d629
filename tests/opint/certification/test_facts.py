"""Certificates of what is stored, on both databases."""

import pytest
from sqlalchemy import update

from conf.settings import CertifySettings
from opint.certification.certificate import Luminosity
from opint.certification.facts import CertifyError, certify_run
from opint.certification.rules import Objection, ObjectionCause
from opint.incidents.operator import confirm, dispute
from opint.store.tables import lumisection

RULES = CertifySettings()


@pytest.fixture
def tx(store, seed):
    seed.fill(store)
    with store.begin() as writing:
        yield writing


def test_incidents_and_what_was_not_inspected_keep_lumisections_out(tx) -> None:
    report = certify_run(tx, 379415, None, RULES)
    assert report.good == ((2, 21),)
    assert [(item.first, item.last, [str(why) for why in item.why]) for item in report.excluded] == [
        (1, 1, ["Strips: not inspected"]),
        (22, 40, ["Calo: incident 2"]),
        (41, 45, ["Calo: incident 2", "Muon: incident 3"]),
        (46, 62, ["Muon: incident 3"]),
    ]
    assert report.recorded.recorded == pytest.approx(sum(0.0076 * (58 - 0.18 * n) for n in range(22, 84)))
    assert report.lost.unknown == 0


def test_a_false_alarm_gives_its_lumisections_back(tx) -> None:
    dispute(tx, 2, "ana", "", 1.0)
    assert certify_run(tx, 379415, None, RULES).good == ((2, 40),)
    confirm(tx, 2, "ana", "", 2.0)
    assert certify_run(tx, 379415, None, RULES).good == ((2, 21),)


def test_gaps_open_lumisections_and_status_bits(tx) -> None:
    here = (lumisection.c.run == 379412) & (lumisection.c.ls == 60)
    at = {"beams_stable": True, "recorded_lumi": None, "dcs": {"tob": False, "bpix": True}}
    tx.execute(update(lumisection).where(here).values(conditions=at))
    tx.execute(update(lumisection).where(lumisection.c.ls == 61, lumisection.c.run == 379412).values(closed_s=None))
    report = certify_run(tx, 379412, None, RULES)
    assert report.good == ((40, 49), (54, 59))
    assert [item.why[0] for item in report.excluded] == [
        Objection(ObjectionCause.NOT_RECEIVED),
        Objection(ObjectionCause.INCIDENT, "Pixel", (1,)),
        Objection(ObjectionCause.DETECTOR_OFF, "tob"),
        Objection(ObjectionCause.NOT_CLOSED),
    ]
    assert report.excluded[2].lost == Luminosity(0.0, 1)


def test_the_demanded_share_counts(tx) -> None:
    strict = certify_run(tx, 379415, None, CertifySettings(least_inspected=1.0))
    assert strict.good == ((2, 21),), "all elements of this store are inspected but those of one lumisection"


def test_runs_that_cannot_be_certified(tx, seed) -> None:
    with pytest.raises(CertifyError, match="no run 5 in the database"):
        certify_run(tx, 5, None, RULES)
    with pytest.raises(CertifyError, match="no run 379415 of /X/Y/Z"):
        certify_run(tx, 379415, "/X/Y/Z", RULES)
    row = {**tx.execute(lumisection.select().limit(1)).mappings().one()}
    tx.execute(lumisection.insert().values(row | {"dataset": "/Other/Set/DQM", "run": 379415}))
    with pytest.raises(CertifyError, match=r"several datasets: .*/Other/Set/DQM.*--dataset"):
        certify_run(tx, 379415, None, RULES)
    assert certify_run(tx, 379415, seed.DATASET, RULES).good == ((2, 21),)
