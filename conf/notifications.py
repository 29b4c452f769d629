"""Settings of notifications: receivers, routes with their matchers, and which families call in which machine mode."""

import difflib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, model_validator
from pydantic_core import PydanticCustomError

from conf.section import Section

MOST_PATTERNS = 100
MOST_ROUTES = 200

MachineMode = Literal["collisions", "cosmics", "no-beam", "unknown"]
"""What the machine did: stable beams, none in a dataset of cosmics, none otherwise, or nothing is known."""

Severity = Literal["warning", "critical"]


def _listed(value: Any) -> Any:
    """One value stands for a list of it."""
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


def _hours(text: str) -> str:
    if text and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError("must be HH:MM-HH:MM in UTC, such as 22:00-07:00")
    if text and text[:5] == text[6:]:
        raise ValueError("begins when it ends; leave it out for the whole day")
    return text


Pattern = Annotated[str, Field(min_length=1, max_length=600)]
Patterns = Annotated[tuple[Pattern, ...], BeforeValidator(_listed), Field(max_length=MOST_PATTERNS)]
ReceiverName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
RouteName = Annotated[str, Field(pattern=r"^[^\x00-\x1f]{1,64}$")]
Hours = Annotated[str, AfterValidator(_hours)]
ReceiverNames = Annotated[tuple[ReceiverName, ...], BeforeValidator(_listed), Field(max_length=MOST_PATTERNS)]
NotNegative = Annotated[float, Field(ge=0, le=31 * 86400)]


class Matchers(Section):
    """Which incidents are meant: all matchers that are not empty must fit, each by any of its patterns (``*``, ``?``).

    ``family``, ``subsystem``, ``folder`` and ``dataset`` are shell patterns; ``folder`` also fits the folders in it.
    """

    severity: Annotated[tuple[Severity, ...], BeforeValidator(_listed)] = ()
    family: Patterns = ()
    subsystem: Patterns = ()
    folder: Patterns = ()
    dataset: Patterns = ()
    mode: Annotated[tuple[MachineMode, ...], BeforeValidator(_listed)] = ()

    def is_empty(self) -> bool:
        """Whether every incident fits."""
        return self == Matchers()


class Route(Section):
    """One route: which incidents go to which receivers, when again, and to whom else where nobody answers.

    Times are in seconds; 0 for ``repeat_every_s`` and ``escalate_after_s`` means never.
    """

    name: RouteName
    match: Matchers = Matchers()
    hours: Hours = ""
    receivers: Annotated[ReceiverNames, Field(min_length=1)]
    group_wait_s: NotNegative = 5.0
    repeat_every_s: NotNegative = 0.0
    escalate_after_s: NotNegative = 0.0
    escalate_to: ReceiverNames = ()
    continues: bool = False


MOST_RECEIVERS = 100


def _web_address(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("must be http://HOST or https://HOST, with a path where the receiver has one")
    if parts.password or parts.username:
        raise ValueError("holds a log-in, which would end up in backups; leave it out of the address")
    return url


def _mail_address(text: str) -> str:
    local, at, domain = text.rpartition("@")
    if not (local and at and domain) or any(not letter.isprintable() or letter.isspace() for letter in text):
        raise ValueError("must be NAME@HOST")
    return text


def _variable_name(text: str) -> str:
    if text.startswith("NIGHTSHIFT_"):
        raise ValueError("must not begin with NIGHTSHIFT_, as names of settings do")
    return text


WebAddress = Annotated[str, Field(max_length=2000), AfterValidator(_web_address)]
MailAddress = Annotated[str, Field(max_length=320), AfterValidator(_mail_address)]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=600)]
VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,200}$"), AfterValidator(_variable_name)]


class Receiver(Section):
    """What all receivers have.

    A secret never stands in the settings: ``secret_file`` or ``secret_variable`` says where it is. More than
    ``digest_above`` incidents at once become one message, and after such a digest the next message waits for
    ``digest_every_s``; ``most_per_minute`` bounds messages altogether.
    """

    name: ReceiverName
    secret_file: Path | None = None
    secret_variable: VariableName | None = None
    timeout_s: Seconds = 10.0
    send_resolved: bool = True
    most_per_minute: Annotated[int, Field(ge=1, le=100_000)] = 30
    digest_above: Annotated[int, Field(ge=1, le=1000)] = 3
    digest_every_s: Annotated[float, Field(ge=0, le=3600)] = 60.0

    @model_validator(mode="after")
    def _secret_stands_in_one_place(self) -> Self:
        if self.secret_file is not None and self.secret_variable is not None:
            raise ValueError("secret_file and secret_variable are both set; keep one of them")
        return self


class WebhookReceiver(Receiver):
    """A web address that takes JSON by POST, signed with the secret (HMAC-SHA256) if there is one."""

    kind: Literal["webhook"]
    url: WebAddress
    ca_file: Path | None = None


class EmailReceiver(Receiver):
    """A mail server, and who gets the mail; the secret is the password of ``username``."""

    kind: Literal["email"]
    host: Annotated[str, Field(min_length=1, max_length=253)]
    port: Port = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    sender: MailAddress
    to: Annotated[tuple[MailAddress, ...], Field(min_length=1, max_length=100)]
    ca_file: Path | None = None

    @model_validator(mode="after")
    def _password_travels_encrypted(self) -> Self:
        if self.username and self.security == "none":
            raise ValueError("username needs security starttls or tls: a password must not travel in the clear")
        if self.username and self.secret_file is None and self.secret_variable is None:
            raise ValueError("username needs a password; name it with secret_file or secret_variable")
        return self


class AlertmanagerReceiver(Receiver):
    """An Alertmanager (API v2), whose own routes, silences and receivers then apply."""

    kind: Literal["alertmanager"]
    url: WebAddress
    ca_file: Path | None = None
    refresh_s: Annotated[float, Field(gt=0, le=3600)] = 60.0


class AppriseReceiver(Receiver):
    """What Apprise supports; the secret is its URL (https://github.com/caronc/apprise/wiki)."""

    kind: Literal["apprise"]

    @model_validator(mode="after")
    def _has_address(self) -> Self:
        if self.secret_file is None and self.secret_variable is None:
            raise ValueError("needs secret_file or secret_variable: the URL of a service holds its token")
        return self


AnyReceiver = Annotated[WebhookReceiver | EmailReceiver | AlertmanagerReceiver | AppriseReceiver, Discriminator("kind")]


class ModeRule(Section):
    """In this machine mode only incidents of these families call; others wait until the mode is another one."""

    mode: MachineMode
    families: Annotated[tuple[Pattern, ...], Field(max_length=100)]


class NotificationSettings(Section):
    """Who is notified of what. Without receivers nobody is."""

    receivers: Annotated[tuple[AnyReceiver, ...], Field(max_length=MOST_RECEIVERS)] = ()
    routes: Annotated[tuple[Route, ...], Field(max_length=MOST_ROUTES)] = ()
    calls: Annotated[tuple[ModeRule, ...], Field(max_length=4)] = ()
    give_up_after_s: Annotated[float, Field(gt=0)] = 86_400.0

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        names = [receiver.name for receiver in self.receivers]
        _refuse_twice(names, "receivers")
        _refuse_twice([route.name for route in self.routes], "routes")
        _refuse_twice([rule.mode for rule in self.calls], "calls", "mode")
        for number, route in enumerate(self.routes):
            for key in ("receivers", "escalate_to"):
                for place, name in enumerate(getattr(route, key)):
                    if name not in names:
                        raise _mistake(("routes", number, key, place), f"{name!r} is no receiver{_hint(name, names)}")
            if bool(route.escalate_to) != (route.escalate_after_s > 0):
                raise _mistake(("routes", number), "escalate_after_s and escalate_to belong together; set both")
            if number and _takes_all(self.routes[:number]):
                raise _mistake(("routes", number), "is never reached, since a route before it takes all incidents")
        return self


def _refuse_twice(names: Sequence[str], section: str, key: str = "name") -> None:
    for number, name in enumerate(names):
        if name in names[:number]:
            raise _mistake((section, number, key), f"{name!r} stands a second time")


def _takes_all(routes: Iterable[Route]) -> bool:
    return any(route.match.is_empty() and not route.hours and not route.continues for route in routes)


def _mistake(place: tuple[Any, ...], what: str) -> PydanticCustomError:
    """An error that says where below ``notifications`` it is."""
    return PydanticCustomError("reference", "{what}", {"what": what, "place": place})


def _hint(name: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; receivers are {', '.join(names) or 'none'}"
