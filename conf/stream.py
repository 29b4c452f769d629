"""Settings of streams: the broker, a watched folder, files, and limits on what comes."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from conf.section import Count, Name, Positive, Section


def _brokers(text: str) -> str:
    for part in text.split(","):
        host, _, port = part.strip().rpartition(":")
        if not host or not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65536:
            raise ValueError("must be host:port, several separated by commas")
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


FILE_FIELDS = ("run", "ls", "subsystem", "me")
"""What a template of paths may name."""

TABLE_COLUMNS = (
    *("fromrun", "fromlumi", "hname", "metype", "histo", "entries"),
    *("Xmin", "Xmax", "Xbins", "Ymin", "Ymax", "Ybins"),
)
"""The columns of a CSV table of histograms."""

Brokers = Annotated[str, AfterValidator(_brokers)]
Topic = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
Template = Annotated[str, AfterValidator(_template)]
Columns = Annotated[str, AfterValidator(_columns)]


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
