"""A store that looks like an evening in the control room, made through the store's own functions.

Four subsystems, 84 lumisections in two runs, an incident of every state with evidence of one and two
dimensions, dead letters, a model and another one in shadow, offsets, a daemon that beats.
"""

from dataclasses import replace

import numpy as np
from sqlalchemy import insert

from dqm.core.quality import Certified, Evidence, Quality, Reason, WorstBin, WorstFeature
from dqm.core.state import LumisectionState, SubsystemScores, SubsystemVerdict
from opint.store import lumisections
from opint.store.deadletters import DeadLetter, add
from opint.store.engine import Store
from opint.store.heartbeats import Heartbeat, beat
from opint.store.tables import audit, incident, model_version, occurrence, source_offset
from streams.records import Axis, Catalogue, Conditions, LumisectionKey, MonitoringElement
from streams.source import Partition

DATASET = "/Collisions/Run2024B-v1/DQM"
MODEL = "histograms-20240411-8f3c"
SHADOW = "candidate-20240411-51ab"
HOSTILE = "Muon/Wheel-1/<script>alert('me')</script>&\"quoted\""
START_S = 1_712_800_000.0
CHARGE = "Pixel/Barrel/Layer1/charge"
OCCUPANCY = "Calo/EB+03/occupancy"
TIMING = "Muon/Wheel-1/Sector05/timing"


def keys() -> list[LumisectionKey]:
    return [LumisectionKey(379412, ls) for ls in range(40, 62)] + [LumisectionKey(379415, ls) for ls in range(1, 63)]


def now_s() -> float:
    """Four seconds after the newest lumisection."""
    return START_S + len(keys()) * 23.31 + 4.0


def catalogues() -> dict[str, Catalogue]:
    line = lambda name, label: MonitoringElement(name, (Axis(100, 0.0, 200.0, label),))  # noqa: E731
    barrel = [line(f"Pixel/Barrel/Layer{n}/{q}", q) for n in range(1, 5) for q in ("charge", "size", "residual")]
    muon = [line(f"Muon/Wheel-1/Sector{n:02}/{q}", f"{q} (ns)") for n in range(1, 13) for q in ("timing", "width")]
    maps = [
        MonitoringElement(f"Calo/EB{n:+03}/occupancy", (Axis(36, -85.0, 85.0, "iη"), Axis(30, 0.0, 360.0, "iφ (°)")))
        for n in range(1, 9)
    ]
    strips = [line(f"Strips/TOB/Layer{n}/clusterCharge", "charge (ADC)") for n in range(1, 7)]
    return {
        "Pixel": Catalogue.of(barrel),
        "Strips": Catalogue.of(strips),
        "Calo": Catalogue.of(maps),
        "Muon": Catalogue.of([*muon, line(HOSTILE, "x")]),
    }


def fill(store: Store) -> None:
    """Make the tables and put everything in."""
    store.upgrade()
    rng = np.random.default_rng(7)
    with store.begin() as tx:
        for number, key in enumerate(keys()):
            came_s = START_S + number * 23.31
            state = _state(rng, number, key, came_s)
            lumisections.save(tx, [state], {(DATASET, key): came_s}, came_s + 1.4)
            if key.run == 379415:
                lumisections.save_shadow(tx, [_in_shadow(state)])
        _incidents(tx)
        _machinery(tx)


def one_more(tx, run, ls, came_s):
    """Another judged lumisection."""
    key = LumisectionKey(run, ls)
    state = _state(np.random.default_rng(ls), len(keys()), key, came_s)
    lumisections.save(tx, [state], {(DATASET, key): came_s}, came_s)


def _state(rng, number, key, came_s):
    parts, verdicts = {}, {}
    for name, catalogue in catalogues().items():
        parts[name], verdicts[name] = _subsystem(rng, number, key, name, catalogue)
    pileup = 58.0 - 0.18 * number
    return LumisectionState(
        dataset=DATASET,
        key=key,
        conditions=Conditions(
            fill=9517, pileup=pileup, delivered_lumi=0.0081 * pileup, recorded_lumi=0.0076 * pileup, beams_stable=True
        ),
        model_version=MODEL,
        parts=parts,
        first_seen_s=came_s,
        closed_s=came_s + 1.2 + 0.2 * rng.random(),
        closed_because="complete",
        revision=1,
        verdicts=verdicts,
    )


def _in_shadow(state):
    """The same, judged by a model that sees the dead region later and takes suspects for bad."""
    verdicts = dict(state.verdicts)
    if 22 <= state.key.ls <= 26:
        n = len(catalogues()["Calo"])
        good = np.full(n, Quality.GOOD, np.uint8), np.full(n, Reason.CONSISTENT, np.uint8)
        verdicts["Calo"] = SubsystemVerdict(Quality.GOOD, 0.2, *good)
    if verdicts["Strips"].quality is Quality.WARNING:
        verdict = verdicts["Strips"]
        bad = np.where(verdict.qualities == Quality.WARNING, np.uint8(Quality.BAD), verdict.qualities)
        verdicts["Strips"] = replace(verdict, quality=Quality.BAD, qualities=bad)
    return replace(state, model_version=SHADOW, verdicts=verdicts)


def _subsystem(rng, number, key, name, catalogue):
    n = len(catalogue)
    p_values = rng.uniform(0.02, 1, n).astype(np.float32)
    qualities, reasons = np.full(n, Quality.GOOD, np.uint8), np.full(n, Reason.CONSISTENT, np.uint8)
    evidence = {}
    for me, (quality, reason) in _faults(number, key).items():
        row = catalogue.index.get(me)
        if row is None:
            continue
        qualities[row], reasons[row] = quality, reason
        p_values[row] = np.nan if quality == Quality.NOT_INSPECTED else 1e-6 if quality == Quality.BAD else 2e-3
        if quality == Quality.BAD:
            evidence[me] = two_dimensional(rng, me) if me == OCCUPANCY else one_dimensional(rng, me)
    scores = SubsystemScores(
        catalogue=catalogue,
        scorers=("reference", "autoencoder"),
        present=np.ones(n, np.bool_),
        p_values=p_values,
        scores=np.stack([-np.log10(p_values), -np.log10(p_values)]).astype(np.float32),
        digests=rng.integers(1, 2**63, n, dtype=np.uint64),
        reasons=reasons,
        evidence=evidence,
    )
    worst = Quality(int(qualities.max()))
    return scores, SubsystemVerdict(worst, float(np.nanmin([*p_values, 1.0])), qualities, reasons)


def _faults(number, key):
    results = {}
    if key.run == 379415 and key.ls >= 41:
        for me in (TIMING, "Muon/Wheel-1/Sector05/width", HOSTILE):
            results[me] = (Quality.BAD, Reason.DEVIATES)
    if key.run == 379415 and 22 <= key.ls <= 45:
        results[OCCUPANCY] = (Quality.BAD, Reason.DEVIATES)
    if key.run == 379412 and key.ls in (50, 51, 52, 53):
        results[CHARGE] = (Quality.BAD, Reason.FROZEN)
    if number % 17 == 5:
        results["Strips/TOB/Layer3/clusterCharge"] = (Quality.WARNING, Reason.SUSPECT)
    if key.run == 379415 and key.ls == 1:
        results |= dict.fromkeys(
            (f"Strips/TOB/Layer{n}/clusterCharge" for n in range(1, 7)), (Quality.NOT_INSPECTED, Reason.LOW_STATISTICS)
        )
    return results


def one_dimensional(rng, me):
    """A peak whose channels 60 to 69 are dead."""
    centre = np.arange(100)
    reference = 900 * np.exp(-(((centre - 55) / 18) ** 2)) + 20
    counts = rng.poisson(reference).astype(float)
    counts[60:70] = 0
    reference *= counts.sum() / reference.sum()
    pulls = (counts - reference) / np.sqrt(reference + 1)
    return _evidence(me, (Axis(100, 0.0, 200.0, "time (ns)"),), counts, reference, pulls, "10 of 100 bins are empty")


def two_dimensional(rng, me):
    """A map with a dead supermodule and never-used corners."""
    x, y = np.meshgrid(np.linspace(-1, 1, 36), np.linspace(0, 6.28, 30), indexing="ij")
    reference = 220 * np.exp(-(x**2)) * (1 + 0.2 * np.cos(y))
    reference[(np.abs(x) > 0.9) & (y < 1)] = 0
    counts = rng.poisson(reference).astype(float)
    counts[20:26, 10:18] = 0
    pulls = (counts - reference) / np.sqrt(reference + 1)
    axes = (Axis(36, -85.0, 85.0, "iη"), Axis(30, 0.0, 360.0, "iφ (°)"))
    return _evidence(me, axes, counts.ravel(), reference.ravel(), pulls.ravel(), "a region of 6 × 8 cells is empty")


def _evidence(me, axes, counts, reference, pulls, what):
    order = np.argsort(-np.abs(pulls))[:8]
    return Evidence(
        me=me,
        reason=Reason.DEVIATES,
        kind="dead",
        sentence=f"{what} where good lumisections have about {reference[order[0]]:.0f} counts each.",
        p_value=1.3e-6,
        scores={"reference": 41.7, "autoencoder": 12.3},
        axes=axes,
        counts=tuple(counts.tolist()),
        reference=tuple(reference.tolist()),
        pulls=tuple(pulls.tolist()),
        entries=float(counts.sum()),
        expected_entries=float(reference.sum() * 1.09),
        model_version=MODEL,
        worst_bins=tuple(WorstBin(int(i), float(counts[i]), float(reference[i]), float(pulls[i])) for i in order),
        worst_features=(WorstFeature("90% quantile", 0.62, 0.58, 41.0, 0.12),),
        certified=Certified(23.14, 0.42, 0.0012),
    )


def an_incident(number, **values):
    """A row of the incident table."""
    row = {
        "fingerprint": f"fingerprint-{number}",
        "dataset": DATASET,
        "subsystem": "Muon",
        "family": "content",
        "element_group": "Muon/Wheel-1/Sector05",
        "kind": "dead",
        "title": f"Incident {number}",
        "explanation": "Ten bins are empty.",
        "severity": "warning",
        "state": "open",
        "first_run": 379415,
        "first_ls": 41,
        "last_run": 379415,
        "last_ls": 62,
        "lumisections": 22,
        "elements": 2,
        "model_version": MODEL,
        "opened_s": START_S + 1500.0,
        "updated_s": START_S + 1900.0,
        "acknowledged_s": None,
        "acknowledged_by": None,
        "resolved_s": None,
        "resolved_by": None,
    }
    return row | values


def raise_incident(tx, number, elements=(TIMING, HOSTILE), **values):
    """Store an incident, its occurrences in its first run and its opening; returns its number."""
    row = an_incident(number, **values)
    row["elements"] = len(elements)
    number_of_incident = tx.execute(insert(incident).values(**row)).inserted_primary_key[0]
    ls_numbers = range(row["first_ls"] or 0, (row["last_ls"] or -1) + 1)
    for ls in ls_numbers:
        tx.execute(
            insert(occurrence).values(
                incident_id=number_of_incident,
                run=row["first_run"],
                ls=ls,
                elements=list(elements),
                p_value=1e-6,
                kind=row["kind"],
            )
        )
    _add_audit_entry(tx, number_of_incident, row["opened_s"], "nightshift", "opened", row["title"])
    return number_of_incident


def _add_audit_entry(tx, incident_id, at_s, actor, action, detail):
    tx.execute(insert(audit).values(incident_id=incident_id, at_s=at_s, actor=actor, action=action, detail=detail))


def _incidents(tx):
    """One incident of each state, and one without lumisections."""
    frozen = raise_incident(
        tx,
        1,
        elements=[CHARGE],
        subsystem="Pixel",
        family="frozen",
        kind="stuck",
        element_group="Pixel/Barrel/Layer1",
        title="Pixel/Barrel/Layer1: 1 of 3 monitoring elements does not change since run 379412 LS 50",
        explanation="The content is the same, bin by bin, as in the lumisections before: the readout repeats itself.",
        state="resolved",
        first_run=379412,
        first_ls=50,
        last_run=379412,
        last_ls=53,
        lumisections=4,
        opened_s=START_S + 280.0,
        updated_s=START_S + 340.0,
        resolved_s=START_S + 470.0,
        resolved_by="nightshift",
    )
    _add_audit_entry(tx, frozen, START_S + 470.0, "nightshift", "cleared", "5 inspected good lumisections in a row")
    calo = raise_incident(
        tx,
        2,
        elements=[OCCUPANCY],
        subsystem="Calo",
        element_group="Calo/EB+03",
        title="Calo/EB+03: dead region in 1 of 1 monitoring elements since run 379415 LS 22",
        explanation="A region of 6 × 8 cells is empty where good lumisections have about 200 counts each.",
        state="acknowledged",
        first_ls=22,
        last_ls=45,
        lumisections=24,
        opened_s=START_S + 1040.0,
        updated_s=START_S + 1560.0,
        acknowledged_s=START_S + 1100.0,
        acknowledged_by="Ada",
    )
    _add_audit_entry(tx, calo, START_S + 1100.0, "Ada", "acknowledged", "")
    _add_audit_entry(
        tx, calo, START_S + 1130.0, "Ada", "commented", "Tripped supply, expert called: <b>do not</b> power-cycle."
    )
    raise_incident(
        tx,
        3,
        title="Muon/Wheel-1/Sector05: dead channels in 2 of 2 monitoring elements since run 379415 LS 41",
        explanation="10 of 100 bins (60 to 69) are empty; 835 ± 29 counts are expected in each.",
        severity="critical",
    )


def _machinery(tx):
    for number, (reason, field, raw) in enumerate(
        (
            ("bad-json", "message", b'{"Muon/timing": {"axes": [{"ty'),
            ("negative-count", "counts", b"\x00\x1b[31m<b>ARROW1</b>"),
        )
    ):
        letter = DeadLetter(
            partition=Partition("cluster-a", "dqm.histograms", 2),
            offset=1200 + number,
            reason=reason,
            field=field,
            detail=f"{reason}: {field} is '<img src=x onerror=alert(1)>'",
            origin=f"dqm.histograms[2]@{1200 + number}",
            headers={},
            key=None,
            raw=raw,
            raw_size=52_000,
            received_s=START_S + 700.0 + number,
        )
        add(tx, [letter])
    for partition in range(4):
        tx.execute(
            insert(source_offset).values(
                cluster="cluster-a",
                consumer_group="nightshift",
                topic="dqm.histograms",
                partition=partition,
                next_offset=84 + partition,
                owner="cr01:4711",
                updated_s=now_s() - 3,
            )
        )
    lag = {f"dqm.histograms[{partition}]": partition for partition in range(4)}
    beat(tx, Heartbeat("cr01:4711:1712799000", START_S - 800, now_s() - 1, "running", "", 336, 17_640, lag))
    beat(
        tx,
        Heartbeat("cr01:4002:1712700000", START_S - 99_800, START_S - 800, "stopped", "asked to", 9_112, 1_300_400, {}),
    )
    manifest = {"trained_s": START_S - 86_400, "resolution": ["Muon: 846 elements can tell 1 in 61,000."]}
    tx.execute(
        insert(model_version).values(
            version=MODEL, name="histograms", path=f"var/models/{MODEL}", manifest=manifest, first_used_s=START_S
        )
    )
    tx.execute(
        insert(model_version).values(
            version=SHADOW, name="candidate", path="var/models/candidate", manifest=manifest, first_used_s=START_S - 60
        )
    )
