"""Incidents as they are stored, without the verdicts that led to them."""

from dqm.core.state import LumisectionState
from opint.store import incidents, lumisections
from opint.store.incidents import HistoryEntry, Incident
from streams.records import LumisectionKey

DATASET = "/Collisions/Run2024B-v1/DQM"


def an_incident(name="1", **values):
    """Not stored yet; ``name`` makes its fingerprint."""
    defaults = {
        "fingerprint": f"fingerprint-{name}",
        "dataset": DATASET,
        "subsystem": "Muon",
        "family": "content",
        "element_group": f"Muon/Sector{name}",
        "model_version": "m1",
        "opened_s": 1000.0,
        "updated_s": 1000.0,
        "kind": "dead",
        "title": f"Muon/Sector{name}: dead channels",
        "explanation": "Ten bins are empty.",
    }
    return Incident(**(defaults | values))


def open_incident(tx, name="1", at_s=1000.0, **values):
    """Store one with its opening, as nightshift does; its number."""
    record = an_incident(name, opened_s=at_s, updated_s=at_s, **values)
    incidents.insert_new(tx, [record])
    incidents.write_history(tx, [HistoryEntry(record.id, at_s, "nightshift", "opened", record.title)])
    return record.id


def end_incident(tx, number, at_s=1100.0, action="cleared"):
    """Resolve it, as nightshift does."""
    record = incidents.get(tx, number)
    record.state, record.resolved_s, record.resolved_by, record.updated_s = "resolved", at_s, "nightshift", at_s
    incidents.overwrite(tx, [record])
    incidents.write_history(tx, [HistoryEntry(number, at_s, "nightshift", action, "good up to run 7 LS 9")])


def worsen_incident(tx, number, at_s=1050.0):
    """Make it critical, as nightshift does."""
    record = incidents.get(tx, number)
    record.severity, record.updated_s = "critical", at_s
    incidents.overwrite(tx, [record])
    incidents.write_history(tx, [HistoryEntry(number, at_s, "nightshift", "worsened", "critical since run 7 LS 9")])


def publish(tx, *conditions, first=1, run=7):
    """Store lumisections with these conditions; LS n is published at 3600 + 100 n seconds."""
    for ls, declared in enumerate(conditions, first):
        key = LumisectionKey(run, ls)
        state = LumisectionState(DATASET, key, declared, "m1", {}, 1.0, "t[0]")
        lumisections.save(tx, [state], {(DATASET, key): 3600.0 + 100.0 * ls}, 1.0)


def see_again(tx, number, ls, run=7):
    """Let an incident be seen in this lumisection as well."""
    record = incidents.get(tx, number)
    record.last_run, record.last_ls = run, ls
    incidents.overwrite(tx, [record])
