"""Kafka: where messages come from and where a replay publishes them; the only home of kafka-python."""

from streams.kafka.describe import describe, newest_message
from streams.kafka.publisher import PARTITIONS, KafkaPublisher
from streams.kafka.source import KafkaSource

__all__ = ["PARTITIONS", "KafkaPublisher", "KafkaSource", "describe", "newest_message"]
