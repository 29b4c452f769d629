"""A kind of stream in one file: temperatures of magnets, of which the newest of each magnet is stored."""

import json
import time
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Column, Float, MetaData, String, Table

from opint.consumer.handler import RetentionSweep, StreamHandler
from opint.consumer.heartbeat import StreamHeartbeat
from opint.consumer.kind import StreamKind
from opint.consumer.stalls import StallDetector
from opint.consumer.transaction import ConsumerOffsets, StreamIngest
from opint.store.sql import replacing
from streams.codecs import encode_record, key_of
from streams.codecs.rates import RateLimits
from streams.errors import DecodeError

NEWEST = Table("magnet", MetaData(), Column("magnet", String, primary_key=True), Column("kelvin", Float))


@dataclass(frozen=True)
class Temperature:
    magnet: str
    kelvin: float


@encode_record.register
def _(record: Temperature, content_type: str) -> bytes:
    return json.dumps([record.magnet, record.kelvin]).encode()


@key_of.register
def _(record: Temperature) -> bytes:
    return record.magnet.encode()


def decode(message):
    try:
        magnet, kelvin = json.loads(message.value)
        return Temperature(magnet, float(kelvin))
    except ValueError as error:
        raise DecodeError("bad-temperature", "message", message.value, str(error)) from error


@dataclass(frozen=True)
class Arrival:
    message: object
    outcome: object


class Thermometer(StreamHandler):
    def _judge(self, messages):
        return self._apply([Arrival(message, self._decoded(message)) for message in messages])

    def _refuse(self, message, error):
        return self._apply([Arrival(message, error)])

    def _apply(self, arrivals):
        with self._ingest.transaction(arrivals) as poll:
            read = [arrival.outcome for arrival in poll.arrivals if isinstance(arrival.outcome, Temperature)]
            for item in read:
                poll.tx.execute(replacing(poll.tx, NEWEST), {"magnet": item.magnet, "kelvin": item.kelvin})
        self._heartbeat.handled([arrival.message for arrival in arrivals], len(read))
        self._heartbeat.unusable(poll.letters)
        return poll.next_offsets

    def _decoded(self, message):
        try:
            return decode(message)
        except DecodeError as error:
            return error


class TemperatureKind(StreamKind[Temperature]):
    name = "temperatures"
    contents = "temperatures of magnets"

    def __init__(self, topic):
        self.topic = topic

    def watched(self, settings):
        del settings
        return True

    def kafka(self, settings):
        return settings.stream.kafka.on(self.topic, "thermometer")

    def record_type(self):
        return Temperature

    def limits(self, settings):
        return RateLimits(settings.stream.max_message_bytes, 1)

    def decoder(self, settings):
        del settings
        return decode

    def prepare(self, settings, store):
        return partial(self._handler, settings, store)

    def _handler(self, settings, store, source, metrics, name):
        group = self.kafka(settings).group
        offsets = ConsumerOffsets(store, group, name, time.time, settings.stream.dead_letter_bytes)
        stalls = StallDetector.of(settings, group, None)
        heartbeat = StreamHeartbeat(name, self.name, source, store, metrics, stalls, time.time)
        retention = RetentionSweep(store, settings.database.retain_days, time.time)
        return Thermometer(StreamIngest(store, offsets, time.time), heartbeat, retention)
