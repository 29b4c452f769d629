"""A Kafka topic as a source, by a consumer group; Kafka's own offsets are written for display only."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import (
    KafkaError,
    LogTruncationError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from kafka.structs import OffsetAndMetadata

from conf.errors import SettingsError
from conf.stream import KafkaSettings
from streams.errors import SourceUnavailable
from streams.kafka.batches import MissingCodecError, UnreadableBatchError
from streams.kafka.client import anybody_listens, unavailable
from streams.kafka.consumer import (
    Assignment,
    cluster_of,
    connect,
    end_of,
    finish_rebalance,
    knows_topic,
    leave,
    leave_late,
    position_of,
    topic_id_of,
)
from streams.source import Loss, Message, Partition

QUIET_S = 5.0
"""After how long without messages the broker is looked for, s."""

ASK_S = 2.0
"""How long a question for offsets may take, s: the one wait that a poll may add to its timeout."""

OFF_BEAT = 0.9
"""Share of its timeout that a poll waits while nothing is ours.

Brokers answer the first member of a group after 3 s, and an answer that comes between two polls is forgotten by
kafka-python 3.0, which joins again: 5 s more. Polls of which 3 s is a multiple would end just then.
"""


class KafkaSource:
    """Source (:mod:`streams.source`) on a Kafka topic.

    Connects in the background during the first polls. While the broker is away, ``poll`` raises
    SourceUnavailable at times and recovers by itself later. An offset that the broker no longer holds,
    or does not hold yet, becomes a :class:`Loss`, and reading goes on at the first message that there is;
    ``resumed`` is the smaller one where the topic was cut or made anew. Offsets that Kafka uses for
    itself (transaction marks, compaction) are no loss, nor are messages of transactions that were aborted, which are
    not delivered. A batch that cannot be read in two tries is a loss with the reason. A message without a value (a
    tombstone) says that a key is deleted, and is passed over.

    A topic that is made anew under its name is connected to anew; its partitions carry another ``topic_id``.
    """

    def __init__(self, settings: KafkaSettings, clock: Callable[[], float] = time.monotonic) -> None:
        """Prepare; nothing is connected before the first poll. ``clock`` gives seconds for intervals."""
        if settings.embedded and not settings.cluster_id:
            raise SettingsError("stream.kafka.cluster_id is empty; it is required where embedded is true")
        self._settings = settings
        self._clock = clock
        self._background = ThreadPoolExecutor(1, thread_name_prefix="kafka-connect")
        self._connecting: Future[tuple[KafkaConsumer, Assignment]] | None = None
        self._consumer: KafkaConsumer | None = None
        self._assignment: Assignment | None = None
        self._cluster = settings.cluster_id
        self._topic_id = ""
        self._paused = False
        self._losses: list[Loss] = []
        self._begun: dict[Partition, int] = {}
        self._unreadable: dict[TopicPartition, int] = {}
        self._heard_s = clock()
        self._away: SourceUnavailable | None = None
        self._closed = False

    def poll(self, timeout_s: float) -> Sequence[Message]:
        """Messages that arrive within ``timeout_s``; SourceUnavailable if the broker is away."""
        consumer, assignment = self._connected(timeout_s)
        if consumer is None or assignment is None:
            return ()
        fetched = self._fetch(consumer, assignment, timeout_s)
        self._check_topic(consumer)
        records = assignment.admit(fetched)
        finish_rebalance(consumer)
        if records:
            self._heard_s = self._clock()
        elif self._clock() - self._heard_s > QUIET_S:
            try:
                self._look_for_broker(consumer, assignment)
            except KafkaError as error:
                raise unavailable(self._settings, error) from error
        return [
            message for partition, fetched in records.items() for message in messages_of(self._name(partition), fetched)
        ]

    def claimed(self) -> Sequence[Partition]:
        """Partitions that have become ours since the last call."""
        return [self._name(fresh) for fresh in self._assignment.take_fresh()] if self._assignment else ()

    def owned(self) -> frozenset[Partition]:
        """Partitions that are ours now."""
        return frozenset(map(self._name, self._assignment.owned())) if self._assignment else frozenset()

    def start_at(self, partition: Partition, offset: int | None) -> None:
        """Deliver from ``offset`` on, or from ``settings.start`` if None; SourceUnavailable if that fails.

        A partition that is no longer ours is left alone.
        """
        if self._consumer is None or self._assignment is None or partition not in self.owned():
            return
        theirs = TopicPartition(partition.topic, partition.partition)
        if offset is None:
            offset = self._beginning(self._consumer, partition, theirs)
        self._assignment.start(theirs, offset)

    def losses(self) -> Sequence[Loss]:
        """Losses noticed since the last call."""
        losses, self._losses = self._losses, []
        return losses

    def pause(self) -> None:
        """Deliver nothing until :meth:`resume`; polling on keeps the membership of the group."""
        self._paused = True
        if self._assignment is not None:
            self._assignment.pause()

    def resume(self) -> None:
        """Deliver again."""
        self._paused = False
        if self._assignment is not None:
            self._assignment.resume()

    def processed(self, offsets: Mapping[Partition, int]) -> None:
        """Commit to Kafka without waiting, for whoever watches the group there; failures are of no account."""
        owned = self.owned()
        commits = {
            TopicPartition(partition.topic, partition.partition): OffsetAndMetadata(offset, "", -1)
            for partition, offset in offsets.items()
            if partition in owned
        }
        if self._consumer is None or not commits:
            return
        try:
            self._consumer.commit_async(commits)
        except KafkaError:
            return

    def lag(self) -> Mapping[Partition, int]:
        """Messages published and not yet delivered; a partition whose end is not known now is left out."""
        if self._consumer is None or self._assignment is None:
            return {}
        delivered = self._assignment.positions()
        # What is passed over, such as marks of transactions, is not waited for.
        positions = {at: max(offset, position_of(self._consumer, at)) for at, offset in delivered.items()}
        ends = {partition: end_of(self._consumer, partition) for partition in positions}
        if self._paused or None in ends.values():
            ends = self._ask_ends(self._consumer, list(ends)) or ends
        return {self._name(at): max(0, end - positions[at]) for at, end in ends.items() if end is not None}

    def exhausted(self) -> bool:
        """False: a stream has no end."""
        return False

    def close(self) -> None:
        """Leave the group and close the connections."""
        if self._closed:
            return
        self._closed = True
        self._disconnect()
        self._background.shutdown(wait=False)

    def _connected(self, timeout_s: float) -> tuple[KafkaConsumer | None, Assignment | None]:
        if self._consumer is not None and self._moved(self._consumer):
            self._disconnect()
            raise unavailable(self._settings, "another cluster answers there now; connecting to it")
        if self._consumer is not None or self._closed:
            return self._consumer, self._assignment
        if self._connecting is None:
            self._connecting = self._background.submit(connect, self._settings)
        attempt = self._connecting
        try:
            self._consumer, self._assignment = attempt.result(timeout_s)
        except NotYet:
            if self._away is not None:
                raise self._away from None
            return None, None
        except SourceUnavailable as error:
            self._away = error
            raise
        finally:
            if attempt.done():
                self._connecting = None
        self._away = None
        self._cluster = self._settings.cluster_id or str(cluster_of(self._consumer))
        if self._paused:
            self._assignment.pause()
        return self._consumer, self._assignment

    def _check_topic(self, consumer: KafkaConsumer) -> None:
        """Raise SourceUnavailable if the topic was made anew: what is wanted of it is another offset."""
        topic_id = topic_id_of(consumer, self._settings.topic)
        if not self._topic_id:
            self._topic_id = topic_id
        elif topic_id not in {"", self._topic_id}:
            self._disconnect()
            self._begun.clear()
            raise unavailable(self._settings, f"topic {self._settings.topic} was made anew; connecting to it")

    def _moved(self, consumer: KafkaConsumer) -> bool:
        return not self._settings.cluster_id and cluster_of(consumer) not in {None, self._cluster}

    def _disconnect(self) -> None:
        if self._connecting is not None:
            self._connecting.add_done_callback(leave_late)
            self._connecting = None
        if self._consumer is not None:
            leave(self._consumer)
        self._consumer = self._assignment = None
        self._topic_id = ""

    def _fetch(self, consumer: KafkaConsumer, assignment: Assignment, timeout_s: float) -> Mapping[Any, Sequence[Any]]:
        try:
            patience_s = timeout_s if assignment.owned() else timeout_s * OFF_BEAT
            fetched: Mapping[Any, Sequence[Any]] = consumer.poll(timeout_ms=int(patience_s * 1000))
            return fetched
        except OffsetOutOfRangeError as error:
            self._step_over(consumer, assignment, error.args[0])
        except LogTruncationError as error:
            self._step_over(consumer, assignment, error.divergent_offsets)
        except UnreadableBatchError as error:
            self._pass_over(assignment, error)
        except MissingCodecError as error:
            raise SourceUnavailable(str(error)) from error
        except NoOffsetForPartitionError:
            # The I/O thread is between assigning a partition and calling our listener, which gives it one.
            return {}
        except KafkaError as error:
            if not error.retriable:
                # What cannot pass by itself, such as refused access or broken data, may after a new start.
                self._disconnect()
                raise unavailable(self._settings, error) from error
        return {}

    def _step_over(self, consumer: KafkaConsumer, assignment: Assignment, lost: Mapping[TopicPartition, Any]) -> None:
        for partition in lost:
            expected = assignment.positions().get(partition)
            if expected is None:
                continue
            try:
                resumed = self._edge(consumer, partition, "earliest")
            except KafkaError:
                # Nothing was moved, so the same error comes again.
                return
            self._losses.append(Loss(self._name(partition), expected, resumed))
            assignment.start(partition, resumed)

    def _pass_over(self, assignment: Assignment, unreadable: UnreadableBatchError) -> None:
        """Read a batch once more, since the first answer may have been damaged on its way; then go on behind it."""
        partition, first = unreadable.partition, unreadable.first
        if partition not in assignment.positions():
            return
        if self._unreadable.get(partition) != first:
            self._unreadable[partition] = first
            assignment.start(partition, first)
            return
        self._losses.append(Loss(self._name(partition), first, unreadable.following, unreadable.why))
        assignment.start(partition, unreadable.following)

    def _beginning(self, consumer: KafkaConsumer, partition: Partition, theirs: TopicPartition) -> int:
        # Asked once: if the partition goes and returns with still nothing stored, "latest" would be later
        # and what was published in between would be skipped.
        if partition not in self._begun:
            try:
                self._begun[partition] = self._edge(consumer, theirs, self._settings.start)
            except KafkaError as error:
                raise unavailable(self._settings, error) from error
        return self._begun[partition]

    def _edge(self, consumer: KafkaConsumer, partition: TopicPartition, which: str) -> int:
        ask = consumer.beginning_offsets if which == "earliest" else consumer.end_offsets
        return int(ask([partition], timeout_ms=int(ASK_S * 1000))[partition])

    def _ask_ends(self, consumer: KafkaConsumer, partitions: list[TopicPartition]) -> dict[TopicPartition, int | None]:
        try:
            return dict(consumer.end_offsets(partitions, timeout_ms=int(ASK_S * 1000)))
        except KafkaError:
            return {}

    def _look_for_broker(self, consumer: KafkaConsumer, assignment: Assignment) -> None:
        if not anybody_listens(self._settings):
            raise unavailable(self._settings, "nothing listens there")
        if not assignment.owned() and not knows_topic(consumer, self._settings.topic):
            raise SourceUnavailable(
                f"topic {self._settings.topic!r} does not exist at {self._settings.bootstrap_servers}; "
                "create it or correct stream.kafka.topic"
            )
        self._heard_s = self._clock()

    def _name(self, partition: TopicPartition) -> Partition:
        return Partition(self._cluster, partition.topic, partition.partition, self._topic_id)


def messages_of(partition: Partition, records: Sequence[Any]) -> Iterator[Message]:
    """The records of a partition as messages; those without a value are passed over."""
    # One frame for all records of a partition: for small messages the cost of delivering one is what counts.
    where = f"{partition.topic}[{partition.partition}] offset "
    for record in records:
        if record.value is None:
            continue
        yield Message(
            partition,
            record.offset,
            record.value,
            {name: (value or b"").decode(errors="replace") for name, value in record.headers},
            record.timestamp / 1000,
            f"{where}{record.offset}",
            record.key,
        )
