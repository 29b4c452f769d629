"""The settings of nightshift and what is allowed in them; conf/default.yaml explains every key."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, SecretStr, model_validator

from conf.notifications import NotificationSettings
from conf.section import Section
from conf.shifts import ShiftSettings


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only mean this machine."""
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _loopback(host: str) -> str:
    if not is_loopback(host):
        raise ValueError("must be loopback (127.0.0.1, ::1 or localhost), since nobody signs in here")
    return host


def _addresses(text: str) -> str:
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            ipaddress.ip_network(part)
        except ValueError:
            raise ValueError("must be IP addresses or networks such as 10.0.0.0/8, separated by commas") from None
    return text


def _page_url(text: str) -> str:
    if text and not re.fullmatch(r"https?://[A-Za-z0-9.\-]+(:[0-9]{1,5})?", text):
        raise ValueError("must be https://HOST or https://HOST:PORT, without a path")
    return text


def _roles(text: str) -> str:
    for pair in filter(None, (pair.strip() for pair in text.split(","))):
        if pair.rpartition("=")[2] not in ROLES or not pair.rpartition("=")[0]:
            raise ValueError(f"must be GROUP=ROLE, several separated by commas; roles are {', '.join(ROLES)}")
    return text


def _brokers(text: str) -> str:
    for part in text.split(","):
        host, _, port = part.strip().rpartition(":")
        if not host or not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65536:
            raise ValueError("must be host:port, several separated by commas")
    return text


def _database(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        raise ValueError("must begin with sqlite:/// or postgresql://")
    return url


def _status_bits(text: str) -> str:
    for pair in filter(None, text.replace(" ", "").split(",")):
        if not re.fullmatch(r"[^=+,]+=[^=+,]+(\+[^=+,]+)*", pair):
            raise ValueError("must be SUBSYSTEM=BIT, several bits joined by + and several subsystems by commas")
    return text


def _template(text: str) -> str:
    for name in re.findall(r"\{(.*?)\}", text):
        if name not in FILE_FIELDS or text.count(f"{{{name}}}") > 1:
            fields = ", ".join(f"{{{field}}}" for field in FILE_FIELDS)
            raise ValueError(f"must be a path with fields, each once: {fields}; {{{name}}} is another, or there twice")
    return text


def _columns(text: str) -> str:
    pairs = [pair.split("=") for pair in text.replace(" ", "").split(",") if pair]
    columns = [pair[0] for pair in pairs]
    if not all(len(pair) == 2 and pair[1] for pair in pairs) or not set(columns) <= set(TABLE_COLUMNS):
        raise ValueError(f"must be COLUMN=NAME, several joined by commas; columns are {', '.join(TABLE_COLUMNS)}")
    if len(set(columns)) < len(columns):
        raise ValueError("must name each column once")
    return text


RoleLabel = Literal["viewer", "shifter", "expert", "admin"]
ROLES: tuple[RoleLabel, ...] = get_args(RoleLabel)
"""What people may do, each more than the one before; docs/security.md says what."""

FILE_FIELDS = ("run", "ls", "subsystem", "me")
"""What a template of paths may name."""

TABLE_COLUMNS = (
    *("fromrun", "fromlumi", "hname", "metype", "histo", "entries"),
    *("Xmin", "Xmax", "Xbins", "Ymin", "Ymax", "Ybins"),
)
"""The columns of a CSV table of histograms."""

Port = Annotated[int, Field(ge=0, le=65535)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, lt=1)]
Name = Annotated[str, Field(min_length=1)]
Loopback = Annotated[str, AfterValidator(_loopback)]
Addresses = Annotated[str, AfterValidator(_addresses)]
PageUrl = Annotated[str, AfterValidator(_page_url)]
Issuer = Annotated[str, Field(pattern=r"^(https?://\S+)?$")]
Roles = Annotated[str, AfterValidator(_roles)]
DefaultRole = Literal["none", RoleLabel]
Brokers = Annotated[str, AfterValidator(_brokers)]
Topic = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
StatusBits = Annotated[str, AfterValidator(_status_bits)]
Template = Annotated[str, AfterValidator(_template)]
Columns = Annotated[str, AfterValidator(_columns)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database)]


class KafkaSettings(Section):
    """How to reach the broker, and what to consume."""

    bootstrap_servers: Brokers = "127.0.0.1:9092"
    topic: Topic = "dqm.histograms"
    group: Name = "nightshift"
    start: Literal["earliest", "latest"] = "earliest"
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    username: str = ""
    password: SecretStr = SecretStr("")
    ca_file: Path | None = None
    max_poll_records: Count = 128
    session_timeout_s: Positive = 10.0
    embedded: bool = False
    cluster_id: str = ""

    def on(self, topic: str, group: str) -> "KafkaSettings":
        """The same broker and log-in with another topic, read by another consumer group."""
        return self.model_copy(update={"topic": topic, "group": group})

    @model_validator(mode="after")
    def _login_is_complete(self) -> Self:
        if self.security_protocol.startswith("SASL_"):
            if not self.username:
                raise ValueError(f"security_protocol {self.security_protocol} needs a username; set it")
            if not self.password.get_secret_value():
                raise ValueError(
                    f"security_protocol {self.security_protocol} needs a password; set "
                    "NIGHTSHIFT_STREAM__KAFKA__PASSWORD or NIGHTSHIFT_STREAM__KAFKA__PASSWORD_FILE"
                )
        return self


class FolderSettings(Section):
    """A folder that is watched instead of a broker."""

    path: Path = Path("incoming")
    pattern: Name = "*"
    settle_s: Annotated[float, Field(ge=0)] = 2.0


class FileSettings(Section):
    """What files keep in other places than the layouts that are read as they are."""

    dataset: Name = "/unknown/unknown/DQM"
    subsystem: Annotated[str, Field(pattern=r"^[^/]+$")] = "unknown"
    root_path: Template = ""
    root_file: Template = ""
    columns: Columns = ""

    @model_validator(mode="after")
    def _root_template_is_complete(self) -> Self:
        if self.root_path and "{me}" not in self.root_path:
            raise ValueError("root_path needs {me}, the part of the path that names the histogram")
        if self.root_path and "{run}" not in self.root_path + self.root_file:
            raise ValueError("root_path or root_file needs {run}")
        if self.root_file and not self.root_path:
            raise ValueError("root_file needs a root_path")
        return self


class StreamSettings(Section):
    """Where histograms come from, and limits on what comes."""

    source: Literal["kafka", "folder"] = "kafka"
    kafka: KafkaSettings = KafkaSettings()
    folder: FolderSettings = FolderSettings()
    files: FileSettings = FileSettings()
    max_message_bytes: Count = 32 * 1024 * 1024
    max_histograms: Count = 200_000
    max_bins: Count = 1_000_000
    dead_letter_bytes: Annotated[int, Field(ge=1, le=1024 * 1024)] = 64 * 1024
    lumisection_timeout_s: Positive = 60.0
    watermark_lumisections: Count = 5
    stalled_after_s: Positive = 300.0


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


class OidcSettings(Section):
    """Sign-in by an OpenID Connect provider; off without an issuer."""

    issuer: Issuer = ""
    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    name_claim: Name = "preferred_username"
    groups_claim: Name = "groups"
    roles: Roles = ""
    default_role: DefaultRole = "none"


class ProxySignInSettings(Section):
    """Sign-in by a proxy that names the person in a header; off without one."""

    user_header: str = ""
    name_header: str = ""
    groups_header: str = ""
    roles: Roles = ""
    default_role: DefaultRole = "none"


class SignInSettings(Section):
    """How people sign in to the page. With all ways off it stays on loopback, and whoever reaches it may act."""

    accounts: bool = False
    session_hours: Positive = 12.0
    oidc: OidcSettings = OidcSettings()
    proxy: ProxySignInSettings = ProxySignInSettings()

    @property
    def required(self) -> bool:
        """Whether anybody has to sign in."""
        return self.accounts or bool(self.oidc.issuer) or bool(self.proxy.user_header)


class DashboardSettings(Section):
    """The operator's page."""

    host: Name = "127.0.0.1"
    port: Port = 8080
    stale_after_s: Positive = 60.0
    public_url: PageUrl = ""
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    trusted_proxies: Addresses = ""
    sign_in: SignInSettings = SignInSettings()

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if not is_loopback(self.host):
            if not self.sign_in.required:
                raise ValueError(
                    f"host is {self.host!r}, which is not loopback (127.0.0.1, ::1, localhost): let people sign in "
                    "(sign_in.accounts, sign_in.oidc or sign_in.proxy), or reach the page through an SSH tunnel"
                )
            if not self.public_url:
                raise ValueError(f"host is {self.host!r}, which is not loopback: public_url must say how browsers call")
            if self.tls_certificate is None and not self.trusted_proxies:
                raise ValueError(
                    f"host is {self.host!r}, which is not loopback: passwords and cookies would travel in the clear; "
                    "set tls_certificate and tls_key, or trusted_proxies where one of them does TLS"
                )
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key go together; set both or neither")
        if self.sign_in.oidc.issuer and not (self.sign_in.oidc.client_id and self.public_url):
            raise ValueError("sign_in.oidc needs client_id, and public_url for the way back from the provider")
        if self.sign_in.proxy.user_header and not self.trusted_proxies:
            raise ValueError("sign_in.proxy needs trusted_proxies: the header is believed from these addresses alone")
        return self


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
