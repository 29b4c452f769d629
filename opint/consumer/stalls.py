"""A broker that is away, a partition on which nothing moves although messages wait, and a model that has grown old.

None of them shows in any histogram, and all let bad data pass. What is missing, frozen or against the status bits is
found where lumisections are judged (:mod:`dqm.core.verdicts`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from conf.settings import Settings
from opint.incidents import operational
from opint.incidents.families import FAMILIES, IncidentKey
from opint.incidents.operational import MOST_TITLE, OperationalFault
from opint.incidents.update import IncidentUpdate
from opint.store import offsets
from opint.store.incidents import STALE_MODEL, STALLED, Incident
from opint.store.sql import storable
from streams.source import Partition

DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class JudgingModel:
    """The model that judges ``what``; ``trained_s`` is None where its manifest does not say."""

    name: str
    version: str
    trained_s: float | None
    what: str = "histograms"

    def age_s(self, now_s: float) -> float:
        """Seconds since training; 0 if that is not known, since a model of unknown age is no reason to wake anybody."""
        return 0.0 if self.trained_s is None else now_s - self.trained_s


@dataclass
class StallDetector:
    """Finds what has stalled, and a ``model`` that has grown old, for one daemon of consumer group ``group``.

    It takes its source for one that may have been away before, so that its first look clears what an earlier daemon
    has left open.
    """

    model: JudgingModel | None
    group: str
    stalled_after_s: float
    oldest_model_s: float
    _waiting: dict[Partition, tuple[int | None, float]] = field(default_factory=dict)
    _away_since_s: float | None = None
    # An earlier daemon may have left one.
    _away_may_be_open: bool = True

    @classmethod
    def of(cls, settings: Settings, group: str, model: JudgingModel | None) -> "StallDetector":
        """A detector with the patience that the settings declare."""
        return cls(model, group, settings.stream.stalled_after_s, settings.dqm.oldest_model_days * DAY_S)

    def check(self, tx: Connection, lag: Mapping[Partition, int], now_s: float, away: str = "") -> IncidentUpdate:
        """Open incidents of what has stalled and clear those of what moves.

        ``lag`` is that of the claimed partitions, ``away`` why the source cannot be reached; empty if it can.

        The time that a partition waits is counted from when we first saw it wait, not from its last message: one
        that had nothing to deliver for a day has not stalled when a message comes.
        """
        offset = offsets.stored(tx, sorted(lag), self.group)
        self._waiting = {
            partition: self._since(partition, offset.get(partition), now_s)
            for partition, behind in lag.items()
            if behind > 0
        }
        opened, cleared = [self._source_away(tx, away, now_s)], [self._source_back(tx, away, now_s)]
        for partition, behind in sorted(lag.items()):
            waited_s = now_s - self._waiting[partition][1] if behind > 0 else 0.0
            if waited_s >= self.stalled_after_s:
                opened.append(operational.open_fault(tx, _stalled_partition(partition, behind, waited_s), now_s))
            elif waited_s == 0.0:
                cleared.append(
                    operational.clear_fault(tx, _partition_key(partition), "its messages are processed again", now_s)
                )
        if self.model is not None:
            age_s = self.model.age_s(now_s)
            if age_s > self.oldest_model_s:
                opened.append(operational.open_fault(tx, _stale_model(self.model, age_s), now_s))
            else:
                reason = f"version {self.model.version[:12]} judges"
                cleared.append(operational.clear_fault(tx, _model_key(self.model), reason, now_s))
        return IncidentUpdate(
            tuple(incident for incident in opened if incident), tuple(incident for incident in cleared if incident)
        )

    def _source_away(self, tx: Connection, away: str, now_s: float) -> Incident | None:
        if not away:
            return None
        if self._away_since_s is None:
            self._away_since_s, self._away_may_be_open = now_s, True
        away_s = now_s - self._away_since_s
        if away_s < self.stalled_after_s:
            return None
        title = f"consumer group {self.group}: nothing received for {away_s:.0f} s: {away}"
        advice = "Nothing is judged meanwhile, and nothing is lost as long as the broker holds it: mend what is named."
        fault = OperationalFault(self._source_key, storable(title, MOST_TITLE), advice, "critical")
        return operational.open_fault(tx, fault, now_s)

    def _source_back(self, tx: Connection, away: str, now_s: float) -> Incident | None:
        if away or not self._away_may_be_open:
            return None
        self._away_since_s, self._away_may_be_open = None, False
        return operational.clear_fault(tx, self._source_key, "messages are received again", now_s)

    @property
    def _source_key(self) -> IncidentKey:
        return IncidentKey("", "", STALLED, f"consumer group {self.group}")

    def _since(self, partition: Partition, offset: int | None, now_s: float) -> tuple[int | None, float]:
        waiting = self._waiting.get(partition)
        return waiting if waiting is not None and waiting[0] == offset else (offset, now_s)


def _partition_key(partition: Partition) -> IncidentKey:
    return IncidentKey("", "", STALLED, f"{partition.cluster}/{partition.topic}[{partition.partition}]")


def _stalled_partition(partition: Partition, behind: int, waited_s: float) -> OperationalFault:
    waiting = f"{behind} message{'s' * (behind != 1)} waiting"
    title = f"{partition.topic}[{partition.partition}]: {waiting}, none processed for {waited_s:.0f} s"
    return OperationalFault(_partition_key(partition), title, FAMILIES[STALLED].advice, "critical")


def _model_key(model: JudgingModel) -> IncidentKey:
    return IncidentKey("", "", STALE_MODEL, model.name)


def _stale_model(model: JudgingModel, age_s: float) -> OperationalFault:
    title = f"model {model.name}: trained {age_s / DAY_S:.0f} days ago"
    return OperationalFault(_model_key(model), title, FAMILIES[STALE_MODEL].advice.format(stream=model.what), "warning")
