"""Every kind of receiver: a message arrives, a failure is a DeliveryError that says why and holds no secret."""

import contextlib
import hashlib
import hmac
import json
from email import message_from_bytes
from email.policy import default

import pytest
from pydantic import TypeAdapter

from conf.errors import SettingsError
from conf.notifications import AnyReceiver
from opint.notifications.content import trial_content
from opint.notifications.receivers.registry import SENDERS, make_sender
from opint.notifications.receivers.sender import DeliveryError, Outgoing
from tests.support.receivers import mail_receiver, server_certificate, web_receiver

ZEBRA = "hunter2-zebra"
OUTGOING = Outgoing("key-1", trial_content("room", 1e9), 1e9)
WEB = ("webhook", "alertmanager", "apprise")


def receiver(**values):
    return TypeAdapter(AnyReceiver).validate_python({"name": "room", "timeout_s": 0.3} | values)


@contextlib.contextmanager
def sending(values, environ=None):
    sender = make_sender(receiver(**values), environ or {})
    try:
        yield sender
    finally:
        sender.close()


@pytest.fixture
def web():
    with web_receiver() as item:
        yield item


@pytest.fixture
def mail_server(tmp_path):
    """A mail server with the log-in of ``night``, and the settings of a receiver there."""
    tls, ca_file = server_certificate(tmp_path)
    (tmp_path / "password").write_text(f"{ZEBRA}\n")
    with mail_receiver(tls, ZEBRA) as server:
        address = {"kind": "email", "host": "localhost", "port": server.port, "ca_file": ca_file}
        yield (
            server,
            address
            | {
                "username": "night",
                "secret_file": tmp_path / "password",
                "sender": "nightshift@example.org",
                "to": ("a@example.org", "b@example.org"),
            },
        )


def settings_of(kind, web):
    if kind == "apprise":
        return {"kind": kind, "secret_variable": "HOOK"}, {"HOOK": web.url.replace("http://", "json://")}
    return {"kind": kind, "url": web.url}, {}


def test_every_kind_is_tested():
    assert set(SENDERS) == {*WEB, "email"}


@pytest.mark.parametrize("kind", WEB)
def test_a_message_arrives(kind, web):
    with sending(*settings_of(kind, web)) as sender:
        sender.send(OUTGOING)
    assert b"Receiver 'room' can be reached" in web.requests[0][1]


@pytest.mark.parametrize("kind", WEB)
@pytest.mark.parametrize("answer", ["500", "429", "close", "garbage", "404", "302"])
def test_a_refusal_is_an_error_with_its_reason(kind, answer, web):
    web.answers = [answer]
    with sending(*settings_of(kind, web)) as sender, pytest.raises(DeliveryError) as caught:
        sender.send(OUTGOING)
    if kind != "apprise":
        assert (answer in str(caught.value)) or answer in ("close", "garbage")
        assert caught.value.permanent == (answer in ("404", "302"))
        assert caught.value.retry_after_s == (7.0 if answer == "429" else None)


@pytest.mark.parametrize("answer", ["slow", "trickle"])
def test_a_slow_receiver_is_given_up(answer, web):
    web.answers = [answer]
    with sending({"kind": "webhook", "url": web.url}) as sender, pytest.raises(DeliveryError, match=r"in 0\.3 s"):
        sender.send(OUTGOING)


def test_of_an_endless_answer_little_is_read(web):
    web.answers = ["endless"]
    with sending({"kind": "webhook", "url": web.url, "timeout_s": 5.0}) as sender:
        sender.send(OUTGOING)


@pytest.mark.parametrize("kind", ["webhook", "alertmanager"])
def test_a_receiver_that_is_away_is_an_error(kind):
    with web_receiver() as gone:
        pass
    with sending({"kind": kind, "url": gone.url}) as sender, pytest.raises(DeliveryError, match="ConnectError"):
        sender.send(OUTGOING)


@pytest.mark.parametrize("kind", ["webhook", "alertmanager"])
def test_certificates_are_checked(kind, tmp_path):
    tls, ca_file = server_certificate(tmp_path)
    with web_receiver(tls) as web:
        with sending({"kind": kind, "url": web.url, "ca_file": ca_file}) as sender:
            sender.send(OUTGOING)
        with sending({"kind": kind, "url": web.url}) as sender, pytest.raises(DeliveryError, match="CERTIFICATE"):
            sender.send(OUTGOING)
    assert len(web.requests) == 1


def test_a_certificate_of_another_name_is_refused(tmp_path):
    tls, ca_file = server_certificate(tmp_path, "other.example.org")
    with (
        web_receiver(tls) as web,
        sending({"kind": "webhook", "url": web.url, "ca_file": ca_file}) as sender,
        pytest.raises(DeliveryError, match="CERTIFICATE"),
    ):
        sender.send(OUTGOING)


def test_a_webhook_is_signed_over_time_and_body(web):
    with sending({"kind": "webhook", "url": web.url, "secret_variable": "HOOK"}, {"HOOK": ZEBRA}) as sender:
        sender.send(OUTGOING)
    headers, body = web.requests[0]
    expected = hmac.new(ZEBRA.encode(), b"1000000000." + body, hashlib.sha256).hexdigest()
    assert headers["x-nightshift-signature"] == f"sha256={expected}"
    assert (headers["idempotency-key"], headers["x-nightshift-timestamp"]) == ("key-1", "1000000000")
    assert json.loads(body)["subject"] == "[nightshift] test"


def test_mail_about_one_incident_has_its_picture_if_that_can_be_drawn(mail_server):
    server, values = mail_server
    content = OUTGOING.content | {"incidents": [{"id": 3, "purpose": "call"}]}
    with sending(values | {"timeout_s": 5.0}) as sender:
        sender.send(Outgoing("key-1", content, 1e9, lambda number: b"PNG of %d" % number))
        sender.send(Outgoing("key-2", content, 1e9, lambda number: {}[number]))
    pictured, plain = (message_from_bytes(mail, policy=default) for mail in server.mails)
    (attached,) = pictured.iter_attachments()
    assert (attached.get_content_type(), attached.get_content()) == ("image/png", b"PNG of 3")
    assert "can be reached" in pictured.get_body(("plain",)).get_content()
    assert "can be reached" in plain.get_content()


def test_mail_arrives_encrypted_and_signed_in(mail_server):
    server, values = mail_server
    with sending(values | {"timeout_s": 5.0}) as sender:
        sender.send(OUTGOING)
        sender.send(OUTGOING)
    mail = message_from_bytes(server.mails[0], policy=default)
    assert (
        mail["Message-ID"] == message_from_bytes(server.mails[1], policy=default)["Message-ID"] == "<key-1@nightshift>"
    )
    assert mail["To"] == "a@example.org, b@example.org"
    assert "can be reached" in mail.get_content()


@pytest.mark.parametrize(
    ("change", "expected", "permanent"),
    [
        ({"refusal": "452 disk full"}, "452", False),
        ({"refusal": "554 go away"}, "554", True),
        ({"password": "wrong"}, "535", False),
        ({"ca_file": None}, "CERTIFICATE", False),
        ({"port": 1}, "ConnectionRefused", False),
    ],
)
def test_what_a_mail_server_refuses(change, expected, permanent, mail_server, tmp_path):
    server, values = mail_server
    server.refusals = [change["refusal"]] if "refusal" in change else []
    if "password" in change:
        (tmp_path / "password").write_text(change["password"])
    values = values | {"timeout_s": 5.0} | {key: change[key] for key in ("ca_file", "port") if key in change}
    with sending(values) as sender, pytest.raises(DeliveryError, match=expected) as caught:
        sender.send(OUTGOING)
    assert caught.value.permanent == permanent
    assert ZEBRA not in str(caught.value)
    assert server.mails == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"kind": "webhook", "url": "http://x", "secret_file": "gone"}, "names gone, which cannot be read"),
        ({"kind": "webhook", "url": "http://x", "secret_variable": "HOOK"}, "variable HOOK holds nothing"),
        ({"kind": "webhook", "url": "http://x", "ca_file": "gone.pem"}, r"ca_file gone\.pem cannot be used"),
        ({"kind": "apprise", "secret_variable": "BAD"}, "no URL that Apprise knows"),
    ],
)
def test_what_the_settings_miss_is_one_line(values, expected):
    with pytest.raises(SettingsError, match=expected) as caught:
        make_sender(receiver(**values), {"BAD": f"nosuchservice://{ZEBRA}"})
    assert ZEBRA not in str(caught.value)
