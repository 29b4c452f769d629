"""What one lumisection shows for certain: on the run's page, in the API and in the certificate."""

from dataclasses import replace

import numpy as np
import pytest

from conf.settings import AlertSettings, CertifySettings
from dqm.core.quality import Quality, Reason
from opint.certification.facts import certify_run
from opint.incidents import update
from opint.store import lumisections
from streams.records import LumisectionKey

RUN = 379415


@pytest.fixture
def fault(store, seed):
    """Judge a lumisection anew, in which one ME of the strips deviates for certain."""

    def judged(ls):
        key = LumisectionKey(RUN, ls)
        with store.begin() as tx:
            state = lumisections.load(tx, seed.DATASET, [key])[key]
            part, verdict = state.parts["Strips"], state.verdicts["Strips"]
            row = part.catalogue.index["Strips/TOB/Layer2/clusterCharge"]
            reasons, qualities, p_values = verdict.reasons.copy(), verdict.qualities.copy(), part.p_values.copy()
            reasons[row], qualities[row], p_values[row] = Reason.DEVIATES, Quality.BAD, np.float32(3e-9)
            certain = frozenset({part.catalogue.elements[row].group})
            verdict = replace(verdict, quality=Quality.BAD, qualities=qualities, reasons=reasons, certain=certain)
            state = replace(
                state,
                parts={**state.parts, "Strips": replace(part, p_values=p_values)},
                verdicts={**state.verdicts, "Strips": verdict},
                revision=2,
            )
            lumisections.save(tx, [state], {}, 1.0)
            update.update(tx, [state], AlertSettings(), 2.0)

    return judged


def test_a_short_fault_is_listed_with_its_run(fresh, fault):
    assert "None." in fresh.get(f"/runs/{RUN}").text.partition("Short faults")[2].partition("</section>")[0]
    fault(7)
    section = fresh.get(f"/runs/{RUN}").text.partition("Short faults")[2].partition("</section>")[0]
    for shown in ("ls=7", "Strips/TOB/Layer2: content unlike that of good lumisections in 1 of 1", "p = 3e-09"):
        assert shown in section
    (item,) = fresh.get(f"/api/v1/runs/{RUN}/short-faults").json()["items"]
    assert (item["ls"], item["subsystem"], item["family"], item["incident"]) == (7, "Strips", "content", None)
    assert item["elements"] == ["Strips/TOB/Layer2/clusterCharge"]
    assert fresh.get("/api/v1/runs/1/short-faults").status_code == 404


def test_one_that_comes_back_names_its_incident(fresh, fault):
    for ls in (7, 12, 18):
        fault(ls)
    items = fresh.get(f"/api/v1/runs/{RUN}/short-faults").json()["items"]
    assert {item["ls"]: item["incident"] for item in items} == {7: 4, 12: 4, 18: 4}
    section = fresh.get(f"/runs/{RUN}").text.partition("Short faults")[2].partition("</section>")[0]
    assert section.count('href="/incidents/4"') == 3
    assert f"recurs, 3 short faults since run {RUN} LS 7" in fresh.get("/incidents/4").text


def test_the_certificate_names_it(store, fault):
    fault(7)
    with store.read() as tx:
        certificate = certify_run(tx, RUN, None, CertifySettings())
    assert [str(why) for part in certificate.excluded if part.first == 7 for why in part.why] == ["Strips: short fault"]
