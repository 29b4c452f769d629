"""Messages that the broker no longer holds never pass silently."""

from sqlalchemy import Connection

from opint.alerts import standing
from opint.alerts.labels import Labels, fingerprint
from opint.alerts.ledger import SYSTEM
from opint.alerts.standing import Trouble
from opint.store import incidents
from opint.store.incidents import DATA_LOST, Entry
from streams.source import Loss

_ADVICE = (
    "They were deleted on the broker before they were read, so the lumisections in them were never judged. "
    "Look at the broker's retention, and at how long the daemon was away or behind; publish the data again if "
    "they exist elsewhere."
)

_UNREADABLE = (
    "They are on the broker and cannot be read, so the lumisections in them were never judged. Look at the producer "
    "that wrote them and at the log of the broker; publish the data again if they exist elsewhere."
)


def data_lost(tx: Connection, loss: Loss, now_s: float) -> int:
    """Raise a critical incident for lost messages, or add to the one of this partition; its number.

    It stays until a person resolves it.
    """
    partition = loss.partition
    group = f"{partition.cluster}/{partition.topic}[{partition.partition}]"
    labels = Labels("", "", DATA_LOST, group)
    what = f"{partition.topic}[{partition.partition}]: {_range(loss)}" + (f" ({loss.reason})" if loss.reason else "")
    advice = _UNREADABLE if loss.reason and loss.resumed > loss.expected else _ADVICE
    incidents.lock(tx, labels.dataset)
    known = incidents.active(tx, fingerprint(labels))
    if known is not None:
        known.title, known.updated_s = f"{what}, and others before", now_s
        incidents.overwrite(tx, [known])
        incidents.write_history(tx, [Entry(known.id, now_s, SYSTEM, "worsened", what)])
        return known.id
    opened = standing.begin(tx, Trouble(labels, what, advice, "critical"), now_s)
    assert opened is not None  # noqa: S101 - none is active, and the lock is held
    return opened.id


def _range(loss: Loss) -> str:
    """Where offsets begin anew (a topic made again), the number of lost messages is not known."""
    if loss.resumed <= loss.expected:
        return f"messages lost, offset {loss.expected} was expected and {loss.resumed} came"
    number = loss.resumed - loss.expected
    return f"{number} message{'s' * (number != 1)} lost, offsets {loss.expected} to {loss.resumed - 1}"
