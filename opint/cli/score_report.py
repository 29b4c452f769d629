"""The verdicts of `nightshift score` for programs: JSON, or CSV with one line for each lumisection and subsystem."""

import csv
import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any, TextIO

from sqlalchemy import Connection, select

from dqm.core.quality import Quality
from opint.store import hotline
from opint.store.element_verdicts import problems
from opint.store.tables import dead_letter, incident, ls_summary

_NUMBERS = ("good", "warning", "bad", "not_inspected")


def verdicts(tx: Connection, only_problems: bool) -> Iterator[dict[str, Any]]:
    """Each lumisection and subsystem with the elements that are not good, worst first."""
    elements = groupby(problems(tx), key=lambda found: (found.dataset, found.run, found.ls, found.subsystem))
    place, of_place = next(elements, (None, iter(())))
    row = ls_summary.c
    # The same order as that of the elements, so that both are read once.
    for summary in tx.execute(select(ls_summary).order_by(row.dataset, row.run, row.ls, row.subsystem)):
        poor = []
        if place == (summary.dataset, summary.run, summary.ls, summary.subsystem):
            poor = [
                {"element": e.element, "quality": word(e.quality), "reason": e.reason.name, "p_value": e.p_value}
                for e in of_place
            ]
            place, of_place = next(elements, (None, iter(())))
        if not (only_problems and Quality(summary.quality) is Quality.GOOD):
            yield {
                "dataset": summary.dataset,
                "run": summary.run,
                "ls": summary.ls,
                "subsystem": summary.subsystem,
                "quality": word(Quality(summary.quality)),
                **{name: getattr(summary, name) for name in _NUMBERS},
                "p_value": summary.p_value,
                "elements": poor,
            }


def write_json(tx: Connection, out: TextIO, only_problems: bool) -> None:
    """One object: verdicts, incidents, kept events, and records that could not be used."""
    incidents = tx.execute(select(incident).order_by(incident.c.id))
    letters = tx.execute(select(dead_letter).order_by(dead_letter.c.id))
    report = {
        "lumisections": list(verdicts(tx, only_problems)),
        "incidents": [{"id": row.id, "severity": row.severity, "title": row.title} for row in incidents],
        "events": [event.model_dump(mode="json") for event in hotline.page(tx, limit=1000).items],
        "unusable": [{"reason": row.reason, "field": row.field, "detail": row.detail} for row in letters],
    }
    json.dump(report, out)
    out.write("\n")


def write_csv(tx: Connection, out: TextIO, only_problems: bool) -> None:
    """One line for each lumisection and subsystem, at its end the worst element."""
    head = ("dataset", "run", "ls", "subsystem", "quality", *_NUMBERS, "p_value")
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow([*head, "worst_element", "worst_reason", "worst_p_value"])
    for verdict in verdicts(tx, only_problems):
        worst = verdict["elements"][0] if verdict["elements"] else {}
        of_worst = (worst.get(name) for name in ("element", "reason", "p_value"))
        lines.writerow([*(verdict[name] for name in head), *of_worst])


def word(quality: Quality) -> str:
    """``good``, ``warning``, ``bad`` or ``not inspected``."""
    return quality.name.lower().replace("_", " ")
