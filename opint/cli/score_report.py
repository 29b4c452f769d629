"""What `nightshift score` prints for programs: JSON, or CSV with one line for each lumisection and subsystem."""

import csv
import json
from typing import TextIO

from sqlalchemy import Connection

from opint.store.file_verdicts import NUMBERS, incidents, recorded, unusable, verdicts
from opint.store.hotline import page


def write_json(tx: Connection, out: TextIO, only_problems: bool) -> None:
    """One object: verdicts, incidents, short faults, kept events, and records that could not be used."""
    report = {
        "lumisections": list(verdicts(tx, only_problems)),
        "incidents": incidents(tx),
        "short_faults": recorded(tx),
        "events": [event.model_dump(mode="json") for event in page(tx, limit=1000).items],
        "unusable": unusable(tx),
    }
    json.dump(report, out)
    out.write("\n")


def write_csv(tx: Connection, out: TextIO, only_problems: bool) -> None:
    """One line for each lumisection and subsystem, at its end the worst element."""
    head = ("dataset", "run", "ls", "subsystem", "quality", *NUMBERS, "p_value")
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow([*head, "worst_element", "worst_reason", "worst_p_value"])
    for verdict in verdicts(tx, only_problems):
        worst = verdict["elements"][0] if verdict["elements"] else {}
        of_worst = (worst.get(name) for name in ("element", "reason", "p_value"))
        lines.writerow([*(verdict[name] for name in head), *of_worst])
