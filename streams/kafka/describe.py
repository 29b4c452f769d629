"""One line about a broker and its topic, for whoever checks an installation."""

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from conf.settings import KafkaSettings
from streams.errors import SourceUnavailable
from streams.kafka.client import opened, unavailable


def describe(settings: KafkaSettings) -> str:
    """Name the cluster and count the topic's partitions.

    Raises SourceUnavailable if the broker cannot be used or does not have the topic.
    """
    admin = opened(settings, KafkaAdminClient)
    try:
        cluster = settings.cluster_id or admin.describe_cluster()["cluster_id"]
        known = settings.topic in admin.list_topics()
        partitions = len(admin.describe_topics([settings.topic])[0]["partitions"]) if known else 0
    except KafkaError as error:
        raise unavailable(settings, error) from error
    finally:
        admin.close()
    if not partitions:
        raise SourceUnavailable(
            f"topic {settings.topic!r} does not exist at {settings.bootstrap_servers}; "
            "create it or correct stream.kafka.topic"
        )
    return f"cluster {cluster} at {settings.bootstrap_servers}, topic {settings.topic} with {partitions} partitions"
