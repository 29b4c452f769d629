"""Mattermost, Slack, Telegram, ntfy and whatever else Apprise supports; the only home of apprise, an extra."""

from typing import Any

from conf.errors import SettingsError
from conf.notifications import AppriseReceiver
from opint.notifications.receivers.sender import DeliveryError, Outgoing


class AppriseSender:
    """Sends the text of a message to one service."""

    def __init__(self, settings: AppriseReceiver, secret: str) -> None:
        """``secret`` is Apprise's URL of the service; raises SettingsError where Apprise is absent or refuses it."""
        try:
            import apprise  # noqa: PLC0415 - heavy, and an extra
        except ImportError:
            raise SettingsError(
                f"receiver {settings.name!r} needs Apprise; install it: pip install 'nightshift[notify]'"
            ) from None
        self._apprise: Any = apprise.Apprise()
        if not self._apprise.add(secret):
            raise SettingsError(f"receiver {settings.name!r}: its secret is no URL that Apprise knows")

    def send(self, outgoing: Outgoing) -> None:
        """As :class:`opint.notifications.receivers.sender.Sender`; Apprise does not say why it failed."""
        try:
            accepted = self._apprise.notify(title=outgoing.content["subject"], body=outgoing.content["text"])
        except Exception as error:
            # Messages of its plug-ins may quote the URL, which is secret.
            raise DeliveryError(f"Apprise failed: {type(error).__name__}") from None
        if not accepted:
            raise DeliveryError("the service did not accept it")

    def close(self) -> None:
        """Nothing is kept open."""
