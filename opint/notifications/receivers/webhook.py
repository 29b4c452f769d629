"""Webhooks: JSON by POST, signed, with an idempotency key.

``X-Nightshift-Signature: sha256=HEX`` is the HMAC-SHA256 (RFC 2104) of ``TIMESTAMP.BODY`` under the receiver's secret,
with the header ``X-Nightshift-Timestamp`` (s since 1970), so that an old request cannot be played again unnoticed.
"""

import hashlib
import hmac

import orjson

from conf.notifications import WebhookReceiver
from opint.notifications.receivers.http import HttpClient
from opint.notifications.receivers.sender import Outgoing


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
