"""What the store knows of a run, as far as certification needs it."""

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import Connection, and_, select

from conf.errors import NightshiftError
from conf.settings import CertifySettings
from opint.certification.certificate import Certificate, certify
from opint.certification.rules import LumisectionFacts, QualityCounts, SeenIncident
from opint.incidents.families import FAMILIES
from opint.store import short_faults
from opint.store.feedback import Verdict
from opint.store.runs import datasets_with, subsystems
from opint.store.tables import feedback, incident, ls_summary, lumisection, occurrence

_FAMILIES_OF_BAD = {family.name for family in FAMILIES.values() if family.bad_elements}


class CertifyError(NightshiftError):
    """A run cannot be certified."""


def certify_run(tx: Connection, run: int, dataset: str | None, settings: CertifySettings) -> Certificate:
    """The certificate of a run as the store stands now.

    Raises CertifyError for a run that no dataset has, or several where ``dataset`` is None.
    """
    having = datasets_with(tx, run)
    if not having or (dataset is not None and dataset not in having):
        where = f" of {dataset}" if dataset else ""
        raise CertifyError(f"there is no run {run}{where} in the database; see `nightshift run` and `nightshift score`")
    if dataset is None and len(having) > 1:
        raise CertifyError(f"run {run} is in several datasets: {', '.join(having)}; choose one with --dataset")
    chosen = dataset or having[0]
    return certify(chosen, run, read_facts(tx, chosen, run), settings.least_inspected)


def read_facts(tx: Connection, dataset: str, run: int) -> list[LumisectionFacts]:
    """The facts of all lumisections of a run that have come."""
    counts, incidents = _counts(tx, dataset, run), _seen_incidents(tx, dataset, run)
    short: dict[int, set[str]] = defaultdict(set)
    for fault in short_faults.of_run(tx, dataset, run):
        if fault.family in _FAMILIES_OF_BAD:
            short[fault.ls].add(fault.subsystem)
    head = lumisection.c
    query = select(head.ls, head.conditions, head.model_version, head.closed_s)
    rows = tx.execute(query.where(head.dataset == dataset, head.run == run).order_by(head.ls))
    return [
        LumisectionFacts(
            ls=ls,
            closed=closed_s is not None,
            beams_stable=at["beams_stable"],
            not_ready=tuple(sorted(part for part, ready in at["dcs"].items() if not ready)),
            recorded_lumi=at["recorded_lumi"],
            model_version=version,
            subsystems=counts.get(ls, {}),
            incidents=tuple(incidents.get(ls, ())),
            short_faults=frozenset(short.get(ls, ())),
        )
        for ls, at, version, closed_s in rows
    ]


def _counts(tx: Connection, dataset: str, run: int) -> Mapping[int, dict[str, QualityCounts]]:
    row = ls_summary.c
    counts: dict[int, dict[str, QualityCounts]] = defaultdict(dict)
    for name in subsystems(tx, dataset):
        query = select(row.ls, row.good, row.warning, row.bad, row.not_inspected)
        for ls, *numbers in tx.execute(query.where(row.dataset == dataset, row.subsystem == name, row.run == run)):
            counts[ls][name] = QualityCounts(*numbers)
    return counts


def _seen_incidents(tx: Connection, dataset: str, run: int) -> Mapping[int, list[SeenIncident]]:
    columns = incident.c
    query = (
        select(
            occurrence.c.ls, columns.id, columns.subsystem, columns.family, occurrence.c.elements, feedback.c.verdict
        )
        .join(occurrence, and_(occurrence.c.incident_id == columns.id, occurrence.c.run == run))
        .outerjoin(feedback, feedback.c.incident_id == columns.id)
        .where(columns.dataset == dataset, columns.last_run >= run, columns.first_run <= run)
        .order_by(columns.id)
    )
    incidents: dict[int, list[SeenIncident]] = defaultdict(list)
    for ls, number, subsystem, family, elements, verdict in tx.execute(query):
        bad = len(elements) if family in _FAMILIES_OF_BAD else 0
        incidents[ls].append(SeenIncident(number, subsystem, bad, verdict == Verdict.FALSE_ALARM.value))
    return incidents
