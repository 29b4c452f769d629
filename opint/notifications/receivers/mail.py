"""E-mail by SMTP, encrypted unless the settings say otherwise. A retry has the Message-ID of the first attempt."""

import smtplib
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

import structlog

from conf.errors import SettingsError
from conf.notifications import EmailReceiver
from opint.notifications.receivers.sender import DeliveryError, Outgoing

MOST_SUBJECT = 200

log = structlog.get_logger()


class EmailSender:
    """Sends each message to all addresses of a receiver, in a connection of its own."""

    def __init__(self, settings: EmailReceiver, secret: str) -> None:
        """``secret`` is the password; raises SettingsError for a ``ca_file`` that cannot be used."""
        self._settings = settings
        self._password = secret
        try:
            ca_file = None if settings.ca_file is None else str(settings.ca_file)
            self._trust = ssl.create_default_context(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(f"ca_file {settings.ca_file} cannot be used: {error}") from None

    def send(self, outgoing: Outgoing) -> None:
        """As :class:`opint.notifications.receivers.sender.Sender`."""
        mail = self._mail(outgoing)
        try:
            with self._connect() as server:
                if self._settings.username:
                    server.login(self._settings.username, self._password)
                refused = server.send_message(mail)
        except smtplib.SMTPResponseException as error:
            reply = (
                error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
            )
            raise DeliveryError(f"answered {error.smtp_code}: {reply!a}"[:300], permanent=_is_final(error)) from None
        except smtplib.SMTPRecipientsRefused as error:
            codes = {code for code, _ in error.recipients.values()}
            final = all(code >= 500 for code in codes)
            raise DeliveryError(f"all recipients refused: {sorted(codes)}", permanent=final) from None
        except (smtplib.SMTPException, OSError) as error:
            raise DeliveryError(f"{type(error).__name__}: {error}"[:300]) from None
        if refused:
            # The others have it, and would get it again.
            raise DeliveryError(f"refused for {', '.join(refused)}; the others have it", permanent=True)

    def close(self) -> None:
        """Nothing is kept open."""

    def _connect(self) -> smtplib.SMTP:
        settings = self._settings
        if settings.security == "tls":
            return smtplib.SMTP_SSL(settings.host, settings.port, timeout=settings.timeout_s, context=self._trust)
        server = smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout_s)
        if settings.security == "starttls":
            try:
                server.starttls(context=self._trust)
            except BaseException:
                server.close()
                raise
        return server

    def _mail(self, outgoing: Outgoing) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self._settings.sender
        mail["To"] = ", ".join(self._settings.to)
        mail["Subject"] = " ".join(outgoing.content["subject"].split())[:MOST_SUBJECT]
        mail["Date"] = format_datetime(datetime.fromtimestamp(outgoing.now_s, UTC))
        mail["Message-ID"] = f"<{outgoing.key}@nightshift>"
        mail["Idempotency-Key"] = outgoing.key
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(outgoing.content["text"])
        if (picture := _picture(outgoing)) is not None:
            mail.add_attachment(picture, maintype="image", subtype="png", filename="histogram.png")
        return mail


def _picture(outgoing: Outgoing) -> bytes | None:
    """Of the one incident that the message is about, while it lasts."""
    incidents = outgoing.content["incidents"]
    if len(incidents) != 1 or incidents[0]["purpose"] == "end":
        return None
    try:
        return outgoing.picture(incidents[0]["id"])
    except Exception:
        # What cannot be drawn must not keep the message back.
        log.exception("the picture of an incident could not be drawn", incident=incidents[0]["id"])
        return None


def _is_final(error: smtplib.SMTPResponseException) -> bool:
    """A refusal for good; that of a log-in is mended by a person without the message being another one."""
    return error.smtp_code >= 500 and not isinstance(error, smtplib.SMTPAuthenticationError | smtplib.SMTPConnectError)
