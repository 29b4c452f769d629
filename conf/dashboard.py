"""Settings of the page: where it is, how people sign in to it, and when shifts begin."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, SecretStr, model_validator

from conf.section import Name, Port, Positive, Section


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


RoleLabel = Literal["viewer", "shifter", "expert", "admin"]
ROLES: tuple[RoleLabel, ...] = get_args(RoleLabel)
"""What people may do, each more than the one before; docs/security.md says what."""

Loopback = Annotated[str, AfterValidator(_loopback)]
Addresses = Annotated[str, AfterValidator(_addresses)]
PageUrl = Annotated[str, AfterValidator(_page_url)]
Issuer = Annotated[str, Field(pattern=r"^(https?://\S+)?$")]
Roles = Annotated[str, AfterValidator(_roles)]
DefaultRole = Literal["none", RoleLabel]


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


def _times(text: str) -> str:
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", part) for part in parts) or parts != sorted(set(parts)):
        raise ValueError("must be times of day HH:MM (UTC) in ascending order, separated by commas")
    return text


class ShiftSettings(Section):
    """Shifts begin at ``starts``, UTC, each day; events of ``calendar`` (iCalendar) are shifts of their own length."""

    starts: Annotated[str, AfterValidator(_times)] = "07:00, 15:00, 23:00"
    calendar: Path | None = None
