"""The settings of nightshift and what is allowed in them; conf/default.yaml explains every key."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from conf.dashboard import DashboardSettings, Loopback, ShiftSettings
from conf.notifications import NotificationSettings
from conf.section import Count, Name, Port, Positive, Section, Share
from conf.stream import KafkaSettings, StreamSettings, Topic


def _database(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        raise ValueError("must begin with sqlite:/// or postgresql://")
    return url


def _status_bits(text: str) -> str:
    for pair in filter(None, text.replace(" ", "").split(",")):
        if not re.fullmatch(r"[^=+,]+=[^=+,]+(\+[^=+,]+)*", pair):
            raise ValueError("must be SUBSYSTEM=BIT, several bits joined by + and several subsystems by commas")
    return text


StatusBits = Annotated[str, AfterValidator(_status_bits)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database)]


class DatabaseSettings(Section):
    """The store."""

    url: DatabaseUrl = SecretStr("sqlite:///var/nightshift.db")
    retain_days: Positive = 90.0


class DqmSettings(Section):
    """How histograms are judged."""

    models: Path = Path("var/models")
    model: Name = "histograms"
    shadow: str = ""
    false_incidents_per_shift: Positive = 1.0
    false_records_per_shift: Positive = 1.0
    shift_hours: Positive = 8.0
    false_discovery_rate: Share = 0.05
    min_entries: Annotated[float, Field(ge=0)] = 50.0
    require_stable_beams: bool = True
    occupancy_strips: str = ""
    frozen_after: Annotated[int, Field(ge=2)] = 3
    certification: Literal["none", "autoencoder", "variational"] = "none"
    references: Literal["frozen", "adaptive"] = "frozen"
    status_bits: StatusBits = ""
    oldest_model_days: Positive = 90.0
    evidence_per_lumisection: Count = 16

    def bits_of(self, subsystem: str) -> tuple[str, ...]:
        """Names of the detector-status bits of a subsystem; empty if none are set for it."""
        pairs = (pair.partition("=") for pair in self.status_bits.replace(" ", "").split(","))
        return next((tuple(bits.split("+")) for name, _, bits in pairs if name == subsystem and bits), ())


class AlertSettings(Section):
    """When verdicts become incidents, and when those end."""

    raise_bad: Count = 2
    raise_of: Count = 3
    clear_good: Count = 20
    recurring_records: Annotated[int, Field(ge=2)] = 3
    guidance: str = ""

    @model_validator(mode="after")
    def _can_raise(self) -> Self:
        if self.raise_bad > self.raise_of:
            raise ValueError(f"raise_bad ({self.raise_bad}) must not exceed raise_of ({self.raise_of})")
        return self


class CertifySettings(Section):
    """What makes a lumisection good for physics."""

    least_inspected: Annotated[float, Field(gt=0, le=1)] = 0.5


class CacheSettings(Section):
    """File accesses as caches report them, on which suggestions are tried."""

    watch: bool = False
    topic: Topic = "cache.accesses"
    group: Name = "nightshift-cache"
    store_every_s: Positive = 30.0
    max_accesses: Count = 100_000


class RateSettings(Section):
    """Trigger rates, and how they are judged."""

    watch: bool = False
    topic: Topic = "trigger.rates"
    group: Name = "nightshift-rates"
    model: Name = "rates"
    false_incidents_per_shift: Positive = 1.0
    max_rates: Count = 20_000


class HotlineSettings(Section):
    """Features of events, and how many of the most unusual ones are kept."""

    watch: bool = False
    topic: Topic = "events.features"
    group: Name = "nightshift-hotline"
    model: Name = "hotline"
    events_per_hour: Positive = 3.0
    max_events: Count = 200_000
    max_features: Count = 1_000


class ActionSettings(Section):
    """Failing workflows, and what is suggested about them."""

    watch: bool = False
    topic: Topic = "workflows.failures"
    group: Name = "nightshift-actions"
    model: Name = "actions"
    max_tasks: Count = 1_000
    max_errors: Count = 50_000
    max_messages: Count = 1_000
    max_classes: Annotated[int, Field(ge=10, le=10_000)] = 1_000
    new_class_messages: Count = 5
    learn_classes_hours: Annotated[float, Field(ge=0)] = 24.0
    unreported_hours: Positive = 24.0


class MetricsSettings(Section):
    """Prometheus metrics and health of the daemon."""

    host: Loopback = "127.0.0.1"
    port: Port = 9110


class LogSettings(Section):
    """What is logged, and how."""

    format: Literal["console", "json"] = "console"
    level: Literal["debug", "info", "warning", "error"] = "info"


class Settings(Section):
    """All settings."""

    stream: StreamSettings = StreamSettings()
    database: DatabaseSettings = DatabaseSettings()
    dqm: DqmSettings = DqmSettings()
    alerts: AlertSettings = AlertSettings()
    notifications: NotificationSettings = NotificationSettings()
    shifts: ShiftSettings = ShiftSettings()
    certify: CertifySettings = CertifySettings()
    rates: RateSettings = RateSettings()
    hotline: HotlineSettings = HotlineSettings()
    cache: CacheSettings = CacheSettings()
    actions: ActionSettings = ActionSettings()
    dashboard: DashboardSettings = DashboardSettings()
    metrics: MetricsSettings = MetricsSettings()
    log: LogSettings = LogSettings()

    @property
    def page_url(self) -> str:
        """How browsers call the page; empty where the system chooses its port."""
        page = self.dashboard
        return page.public_url or (f"http://{page.host}:{page.port}" if page.port else "")

    def kafka_of(self, section: RateSettings | HotlineSettings | CacheSettings | ActionSettings) -> KafkaSettings:
        """How the topic of a section is reached: its own topic and consumer group on the broker of ``stream.kafka``."""
        return self.stream.kafka.on(section.topic, section.group)
