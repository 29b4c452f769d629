"""Webhooks: JSON by POST, signed, with an idempotency key.

``X-Nightshift-Signature: sha256=HEX`` is the HMAC-SHA256 (RFC 2104) of ``TIMESTAMP.BODY`` under the receiver's secret,
with the header ``X-Nightshift-Timestamp`` (s since 1970), so that an old request cannot be played again unnoticed.
"""

import hashlib
import hmac
import ssl
import time
from collections.abc import Mapping
from pathlib import Path

import httpx2
import orjson

from conf.errors import SettingsError
from conf.notifications import WebhookReceiver
from opint.notifications.receivers.sender import DeliveryError, Outgoing

MOST_ANSWER_BYTES = 64 * 1024
"""More of an answer is not read."""

LONGEST_RETRY_AFTER_S = 3600.0

_RETRIED = frozenset({408, 425, 429})
"""Of the answers 4xx, those that may be another one later."""


class WebhookSender:
    """Posts messages to a web address."""

    def __init__(self, settings: WebhookReceiver, secret: str) -> None:
        """Without a secret, requests are not signed; raises SettingsError for a ``ca_file`` that cannot be used."""
        self._client = HttpClient(settings.url, settings.timeout_s, settings.ca_file)
        self._secret = secret.encode()

    def send(self, outgoing: Outgoing) -> None:
        """As :class:`opint.notifications.receivers.sender.Sender`."""
        body = orjson.dumps(outgoing.content)
        timestamp = str(int(outgoing.now_s))
        headers = {"Idempotency-Key": outgoing.key, "X-Nightshift-Timestamp": timestamp}
        if self._secret:
            headers["X-Nightshift-Signature"] = signature(self._secret, timestamp, body)
        self._client.post(body, headers)

    def close(self) -> None:
        """As :class:`opint.notifications.receivers.sender.Sender`."""
        self._client.close()


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """The value of the header X-Nightshift-Signature."""
    return "sha256=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class HttpClient:
    """Posts to one address; redirects are not followed, and what environment variables say of proxies is not heeded."""

    def __init__(self, url: str, timeout_s: float, ca_file: Path | None) -> None:
        """Certificates are verified against ``ca_file``, or the authorities of the system; raises SettingsError."""
        self._url = url
        self._timeout_s = timeout_s
        limits = httpx2.Limits(max_keepalive_connections=4, keepalive_expiry=20.0)
        self._client = httpx2.Client(verify=_trust(ca_file), timeout=timeout_s, trust_env=False, limits=limits)

    def post(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Post JSON; raises DeliveryError unless the answer is 2xx and comes in time."""
        deadline_s = time.monotonic() + self._timeout_s
        try:
            with self._client.stream(
                "POST", self._url, content=body, headers={"Content-Type": "application/json", **headers}
            ) as response:
                answer = b""
                for chunk in response.iter_raw():
                    answer += chunk
                    if len(answer) > MOST_ANSWER_BYTES:
                        break
                    if time.monotonic() > deadline_s:
                        raise DeliveryError(f"no whole answer in {self._timeout_s:g} s")
        except httpx2.TimeoutException:
            raise DeliveryError(f"no answer in {self._timeout_s:g} s") from None
        except (httpx2.HTTPError, ssl.SSLError) as error:
            raise DeliveryError(f"{type(error).__name__}: {error}"[:300]) from None
        _refuse_unless_accepted(response, answer)

    def close(self) -> None:
        """Close kept connections."""
        self._client.close()


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"ca_file {ca_file} cannot be used: {error}") from None


def _refuse_unless_accepted(response: httpx2.Response, answer: bytes) -> None:
    if response.is_success:
        return
    body = answer[:200].decode("utf-8", "replace").strip()
    reason = f"answered {response.status_code}" + (f": {body!a}" if body else "")
    retried = response.is_server_error or response.status_code in _RETRIED
    raise DeliveryError(reason, permanent=not retried, retry_after_s=_retry_after_s(response))


def _retry_after_s(response: httpx2.Response) -> float | None:
    """Seconds of the header Retry-After; its other form, a date, is rare and left alone."""
    text = response.headers.get("retry-after", "").strip()
    return min(float(text), LONGEST_RETRY_AFTER_S) if text.isdecimal() and len(text) < 10 else None
