"""Senders by kind of receiver, and where their secrets come from."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from conf.errors import SettingsError
from conf.loader import read_secret
from conf.notifications import AnyReceiver, Receiver
from opint.notifications.receivers.alertmanager import AlertmanagerSender
from opint.notifications.receivers.mail import EmailSender
from opint.notifications.receivers.sender import Sender
from opint.notifications.receivers.services import AppriseSender
from opint.notifications.receivers.webhook import WebhookSender

SENDERS: Mapping[str, Callable[[Any, str], Sender]] = {
    "webhook": WebhookSender,
    "email": EmailSender,
    "alertmanager": AlertmanagerSender,
    "apprise": AppriseSender,
}
"""By ``kind`` of the settings, what makes a sender of the settings and the secret."""


def make_sender(receiver: AnyReceiver, environ: Mapping[str, str]) -> Sender:
    """The sender of a receiver; raises SettingsError where its secret or certificates cannot be read."""
    return SENDERS[receiver.kind](receiver, secret_of(receiver, environ))


def make_senders(receivers: Sequence[AnyReceiver], environ: Mapping[str, str]) -> dict[str, Sender]:
    """Senders by name of the receiver; raises as :func:`make_sender`."""
    return {receiver.name: make_sender(receiver, environ) for receiver in receivers}


def secret_of(receiver: Receiver, environ: Mapping[str, str]) -> str:
    """The secret of a receiver, empty if it has none; raises SettingsError where it cannot be read."""
    if receiver.secret_file is not None:
        secret = read_secret(receiver.secret_file, f"secret_file of receiver {receiver.name!r}")
    elif receiver.secret_variable is not None:
        secret = environ.get(receiver.secret_variable, "")
    else:
        return ""
    if not secret:
        where = receiver.secret_file or f"variable {receiver.secret_variable}"
        raise SettingsError(f"the secret of receiver {receiver.name!r} is empty: {where} holds nothing")
    return secret
