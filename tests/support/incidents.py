"""Incidents as they are stored, without the lumisections that led to them."""

from opint.store import incidents
from opint.store.incidents import Entry, Incident

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
    incidents.write_history(tx, [Entry(record.id, at_s, "nightshift", "opened", record.title)])
    return record.id


def end_incident(tx, number, at_s=1100.0, action="cleared"):
    """Resolve it, as nightshift does."""
    record = incidents.get(tx, number)
    record.state, record.resolved_s, record.resolved_by, record.updated_s = "resolved", at_s, "nightshift", at_s
    incidents.overwrite(tx, [record])
    incidents.write_history(tx, [Entry(number, at_s, "nightshift", action, "good up to run 7 LS 9")])


def worsen_incident(tx, number, at_s=1050.0):
    """Make it critical, as nightshift does."""
    record = incidents.get(tx, number)
    record.severity, record.updated_s = "critical", at_s
    incidents.overwrite(tx, [record])
    incidents.write_history(tx, [Entry(number, at_s, "nightshift", "worsened", "critical since run 7 LS 9")])
