"""Receivers and routes: what is taken, and mistakes with their place."""

import pytest

RECEIVERS = """notifications:
  receivers:
    - name: room
      kind: webhook
      url: http://127.0.0.1:9/hook
    - {name: expert, kind: email, host: mail, sender: a@b, to: [c@d]}
"""
MISTAKES = {
    "receiver that is none": (
        "  routes:\n    - name: all\n      receivers: [room, exprt]",
        ["routes[1].receivers[2] is 'exprt'", "line 9", "mean 'expert'"],
    ),
    "route out of reach": (
        "  routes:\n    - {name: a, receivers: room}\n    - {name: b, receivers: room}",
        ["routes[2]", "line 9", "never reached"],
    ),
    "matcher that is none": (
        "  routes:\n    - name: a\n      match: {severty: critical}\n      receivers: room",
        ["routes[1].match.severty", "line 9", "no key"],
    ),
    "severity that is none": (
        "  routes:\n    - {name: a, receivers: room, match: {severity: bad}}",
        ["routes[1].match.severity[1]", "line 8", "'warning' or 'critical'"],
    ),
    "mode that is none": (
        "  routes:\n    - {name: a, receivers: room, match: {mode: [beam]}}",
        ["match.mode[1] is 'beam'", "line 8", "'no-beam'"],
    ),
    "hours that are none": (
        "  routes:\n    - {name: a, receivers: room, hours: 7-8}",
        ["routes[1].hours is '7-8'", "HH:MM-HH:MM"],
    ),
    "hours without length": (
        "  routes:\n    - {name: a, receivers: room, hours: '07:00-07:00'}",
        ["begins when it ends"],
    ),
    "negative wait": (
        "  routes:\n    - {name: a, receivers: room, group_wait_s: -1}",
        ["routes[1].group_wait_s is -1"],
    ),
    "half an escalation": (
        "  routes:\n    - {name: a, receivers: room, escalate_after_s: 9}",
        ["routes[1]", "belong together"],
    ),
    "route without receivers": ("  routes:\n    - {name: a, receivers: []}", ["routes[1].receivers", "at least 1"]),
    "routes that are no list": ("  routes: 5", ["notifications.routes is 5", "array"]),
    "two receivers of a name": (
        "    - {name: room, kind: webhook, url: 'http://x'}",
        ["receivers[3].name is 'room'", "second time"],
    ),
    "kind that is none": ("    - {name: x, kind: sms}", ["receivers[3]", "line 7", "'webhook', 'email'"]),
    "address that is none": (
        "    - {name: x, kind: webhook, url: 'ftp://x'}",
        ["receivers[3].url is 'ftp://x'", "http://HOST"],
    ),
    "log-in in the address": (
        "    - {name: x, kind: webhook, url: 'http://me:zebra@x'}",
        ["receivers[3].url", "log-in"],
    ),
    "secret in two places": (
        "    - {name: x, kind: webhook, url: 'http://x', secret_file: a, secret_variable: B}",
        ["receivers[3]", "both set"],
    ),
    "variable of ours": (
        "    - {name: x, kind: webhook, url: 'http://x', secret_variable: NIGHTSHIFT_X}",
        ["secret_variable", "must not begin"],
    ),
    "password in the clear": (
        "    - {name: x, kind: email, host: m, sender: a@b, to: [c@d], username: u, security: none, secret_file: f}",
        ["receivers[3]", "in the clear"],
    ),
    "user without password": (
        "    - {name: x, kind: email, host: m, sender: a@b, to: [c@d], username: u}",
        ["receivers[3]", "needs a password"],
    ),
    "mail address with a line": (
        '    - {name: x, kind: email, host: m, sender: "a@b\\nBcc: x", to: [c@d]}',
        ["receivers[3].sender", "NAME@HOST"],
    ),
    "service without a secret": ("    - {name: x, kind: apprise}", ["receivers[3]", "needs secret_file"]),
    "mode twice": (
        "  calls: [{mode: no-beam, families: []}, {mode: no-beam, families: []}]",
        ["calls[2].mode is 'no-beam'", "second time"],
    ),
    "key twice": ("  routes:\n    - {name: a, name: b, receivers: room}", ["'name'", "line 8", "second time"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_with_its_place(mistake, refusal):
    text, expected = MISTAKES[mistake]
    message = refusal(RECEIVERS + text)
    assert [part for part in expected if part not in message] == [], message


def test_a_value_that_may_be_a_secret_is_not_shown(refusal):
    assert "zebra" not in refusal(RECEIVERS + "    - {name: x, kind: webhook, url: 'http://x', password: zebra}")


def test_a_single_value_stands_for_a_list(load_text):
    text = RECEIVERS + "  routes: [{name: a, receivers: room, match: {severity: critical, family: 'c*'}}]"
    (route,) = load_text(text).notifications.routes
    assert (route.receivers, route.match.severity, route.match.family) == (("room",), ("critical",), ("c*",))


def test_lists_come_from_the_environment_as_json(load_text, refusal):
    name = "NIGHTSHIFT_NOTIFICATIONS__ROUTES"
    loaded = load_text(RECEIVERS, {name: '[{"name": "a", "receivers": ["room"]}]'})
    assert loaded.notifications.routes[0].name == "a"
    assert f"routes[1].receivers[1] is 'rom' ({name})" in refusal(
        RECEIVERS, {name: '[{"name": "a", "receivers": ["rom"]}]'}
    )
    assert f"notifications.routes is 'all' ({name})" in refusal(RECEIVERS, {name: "all"})
