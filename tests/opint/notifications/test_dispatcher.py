"""When a dispatcher sends, again, together, later or not at all; on SQLite alone, since nothing here depends on it."""

import time

import pytest

from opint.incidents import operator
from opint.notifications.explain import explain
from opint.store import messages, notices
from tests.opint.notifications.conftest import opened, outcomes, settings_of
from tests.support.incidents import end_incident, open_incident
from tests.support.receivers import mail_receiver, server_certificate, web_receiver

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def test_what_nobody_must_hear_stays_here(store, drive):
    driven = drive()
    (number,) = opened(store)
    driven.settle()
    with store.begin() as tx:
        operator.comment(tx, number, "ada", "looking", 1001.0)
        operator.acknowledge(tx, number, "ada", "", 1002.0)
    driven.pass_time(60)
    assert len(driven.web.requests) == 1


@pytest.mark.parametrize("answer", ["500", "429", "close", "garbage", "slow"])
def test_a_receiver_that_fails_gets_it_again_under_the_same_key(answer, store, drive):
    driven = drive(receiver={"timeout_s": 0.3} if answer == "slow" else {})
    driven.web.answers = [answer, answer]
    opened(store)
    driven.settle()
    for _ in range(3):
        driven.pass_time(10)
    (message,) = driven.messages()
    assert (message.state, message.attempts) == ("sent", 3)
    assert driven.web.keys == [message.key] * 3


def test_the_pause_that_a_receiver_asks_for_is_kept(store, drive):
    driven = drive()
    driven.web.answers = ["429"]
    opened(store)
    driven.settle()
    driven.pass_time(6.9)
    assert len(driven.web.requests) == 1
    driven.pass_time(0.2)
    assert len(driven.web.requests) == 2


def test_a_receiver_that_is_down_for_an_hour_gets_the_rest_in_one_digest(store, drive):
    driven = drive()
    driven.web.answers = ["500"] * 1000
    numbers = []
    for _ in range(12):
        with store.begin() as tx:
            numbers.append(open_incident(tx, str(len(numbers)), driven.clock.now_s))
        driven.pass_time(300)
    driven.web.answers = []
    del driven.web.requests[:]
    for _ in range(3):
        driven.pass_time(300)
    assert sorted(driven.web.incidents) == numbers
    assert [message.state for message in driven.messages()] == ["sent"] * 4
    assert driven.messages()[-1].subject == "[DIGEST] 9 incidents"


def test_a_message_that_nobody_takes_is_dead_and_can_be_sent_again(store, drive):
    driven = drive(give_up_after_s=30.0)
    driven.web.answers = ["500"] * 100
    opened(store)
    driven.settle()
    for _ in range(10):
        driven.pass_time(10)
    (message,) = driven.messages()
    assert (message.state, message.error) == ("dead", "answered 500: 'ok'")
    driven.web.answers = []
    with store.begin() as tx:
        messages.resend(tx, message.id, driven.clock.now_s)
        with pytest.raises(messages.UnknownMessageError, match="only dead messages are sent again"):
            messages.resend(tx, message.id, driven.clock.now_s)
        with pytest.raises(messages.UnknownMessageError, match="no message 99"):
            messages.resend(tx, 99, driven.clock.now_s)
    driven.settle()
    assert driven.messages()[0].state == "sent"
    assert set(driven.web.keys) == {message.key}


def test_a_message_that_is_refused_for_good_is_dead_at_once(store, drive):
    driven = drive()
    driven.web.answers = ["404"]
    opened(store)
    driven.settle()
    assert [(message.state, message.attempts) for message in driven.messages()] == [("dead", 1)]


def test_a_storm_becomes_one_digest(store, drive):
    driven = drive(receiver={"digest_every_s": 60.0}, route={"group_wait_s": 5.0})
    numbers = []
    for second in range(4):
        with store.begin() as tx:
            numbers += [open_incident(tx, f"{second}.{n}", driven.clock.now_s) for n in range(30)]
        driven.pass_time(1)
    driven.pass_time(1)
    assert [body["subject"] for body in driven.web.bodies] == ["[DIGEST] 120 incidents"]
    assert sorted(driven.web.incidents) == numbers
    assert "and 100 more" in driven.web.bodies[0]["text"]
    with store.begin() as tx:
        numbers.append(open_incident(tx, "late", driven.clock.now_s))
    driven.pass_time(30)
    assert len(driven.web.requests) == 1
    driven.pass_time(30)
    assert driven.web.incidents[-1] == numbers[-1]


def test_a_receiver_gets_no_more_messages_than_its_limit(store, drive):
    driven = drive(receiver={"most_per_minute": 2, "digest_above": 100})
    for number in range(5):
        with store.begin() as tx:
            open_incident(tx, str(number), driven.clock.now_s)
        driven.pass_time(1)
    assert len(driven.web.requests) == 2
    driven.pass_time(60)
    assert sorted(driven.web.incidents) == sorted(set(driven.web.incidents))
    assert len(driven.web.incidents) == 5


def test_a_slow_receiver_keeps_no_other_waiting(store, web, drive):
    with web_receiver() as slow:
        slow.answers = ["held"]
        hooks = (
            {"name": "slow", "kind": "webhook", "url": slow.url, "timeout_s": 60.0},
            {"name": "room", "kind": "webhook", "url": web.url},
        )
        driven = drive(receivers=hooks, route={"receivers": ("slow", "room")})
        opened(store)
        while not web.requests:
            driven.dispatcher.turn()
            time.sleep(0.005)
        slow.release.set()
        driven.settle()
        assert len(slow.requests) == 1


def test_a_clock_that_is_set_back_delays_nothing_for_long(store, drive):
    driven = drive()
    driven.web.answers = ["500"]
    driven.clock.now_s = 1e9
    opened(store, at_s=1e9)
    driven.settle()
    driven.pass_time(-1e6)
    driven.pass_time(1)
    assert [message.state for message in driven.messages()] == ["sent"]


def test_a_call_that_waits_for_its_group_does_not_wait_for_a_clock_that_was_set_back(store, drive):
    driven = drive(route={"group_wait_s": 5.0})
    opened(store)
    driven.settle()
    driven.pass_time(-600)
    assert [message.state for message in driven.messages()] == ["sent"]


def test_messages_of_a_time_that_lies_ahead_do_not_use_up_the_limit_of_a_receiver(store, drive):
    driven = drive(receiver={"most_per_minute": 1})
    opened(store)
    driven.settle()
    driven.pass_time(-86_400)
    with store.begin() as tx:
        open_incident(tx, "next", driven.clock.now_s)
    driven.settle()
    assert [message.state for message in driven.messages()] == ["sent", "sent"]


def test_what_follows_is_looked_at_again_although_the_clock_was_set_back(store, drive):
    driven = drive()
    with store.begin() as tx:
        cause = open_incident(tx, "1", family="status", element_group="")
        open_incident(tx, "2")
    driven.settle()
    with store.begin() as tx:
        end_incident(tx, cause)
    driven.pass_time(-600)
    assert len(driven.messages()) == 3


def test_mail_comes_under_the_same_message_id_when_its_server_was_away_for_an_hour(store, drive, tmp_path):
    tls, ca_file = server_certificate(tmp_path)
    with mail_receiver(tls) as away:
        address = {"kind": "email", "name": "room", "host": "localhost", "port": away.port, "ca_file": ca_file}
    mailbox = address | {"sender": "night@example.org", "to": ("ada@example.org",)}
    driven = drive(settings=settings_of("http://x", receivers=(mailbox,)))
    opened(store)
    driven.settle()
    for _ in range(12):
        driven.pass_time(300)
    (message,) = driven.messages()
    assert message.state == "waiting"
    assert "ConnectionRefused" in message.error
    with mail_receiver(tls, port=away.port) as server:
        driven.pass_time(300)
        (mail,) = server.mails
    assert f"Message-ID: <{message.key}@nightshift>".encode() in mail


def test_what_a_wrong_certificate_kept_back_is_sent_once_the_right_authority_is_trusted(store, drive, tmp_path):
    tls, ca_file = server_certificate(tmp_path)
    with web_receiver(tls) as web:
        before = drive(receiver={"url": web.url, "timeout_s": 5.0})
        opened(store)
        before.settle()
        (message,) = before.messages()
        assert (message.state, web.requests) == ("waiting", [])
        assert "CERTIFICATE_VERIFY_FAILED" in message.error
        drive(receiver={"url": web.url, "timeout_s": 5.0, "ca_file": ca_file}, clock=before.clock).pass_time(10)
    assert web.keys == [message.key]


def test_a_receiver_that_left_the_settings_loses_nothing_silently(store, drive, web):
    before = drive()
    before.web.answers = ["500"]
    opened(store)
    before.settle()
    other = {"name": "other", "kind": "webhook", "url": web.url}
    after = drive(settings=settings_of(web.url, receivers=(other,), routes=({"name": "all", "receivers": ("other",)},)))
    after.pass_time(60)
    (message,) = after.messages()
    assert (message.state, message.error) == ("dead", "receiver 'room' is not in the settings any more")


def test_nobody_is_called_twice_for_what_repeats_only_while_unanswered(store, drive):
    driven = drive(route={"repeat_every_s": 600.0})
    (number,) = opened(store)
    driven.settle()
    driven.pass_time(599)
    assert len(driven.web.requests) == 1
    driven.pass_time(1)
    assert driven.web.bodies[-1]["subject"].startswith("[STILL]")
    with store.begin() as tx:
        operator.acknowledge(tx, number, "ada", "", driven.clock.now_s)
    driven.pass_time(600)
    driven.pass_time(600)
    assert len(driven.web.requests) == 2
    assert outcomes(store, number)[-1] == ("repeated", "acknowledged")


def test_an_incident_that_nobody_acknowledges_is_escalated(store, drive, web):
    hooks = tuple({"name": name, "kind": "webhook", "url": web.url} for name in ("room", "expert"))
    route = {"escalate_after_s": 900.0, "escalate_to": ("expert",)}
    driven = drive(receivers=hooks, route=route)
    first, second = opened(store, 2)
    with store.begin() as tx:
        operator.acknowledge(tx, second, "ada", "", 1000.0)
    driven.settle()
    driven.pass_time(900)
    assert [body["subject"][:11] for body in web.bodies] == ["[WARNING] M", "[ESCALATED]"]
    assert outcomes(store, first) == [("opened", "sent"), ("escalated", "sent")]
    with store.read() as tx:
        escalations = [notice for notice in notices.of_incident(tx, second) if notice.purpose == "escalation"]
    assert [(notice.outcome, notice.reason) for notice in escalations] == [("acknowledged", "ada acknowledged it")]


def test_a_change_that_no_dispatcher_has_seen_is_accounted_for(store):
    (number,) = opened(store)
    with store.read() as tx:
        (account,) = explain(tx, number)
    assert (account.outcome, account.why) == ("waiting", "no dispatcher has looked at it yet")
