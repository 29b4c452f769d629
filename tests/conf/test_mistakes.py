"""One row for each kind of mistake in a settings file: what the message must name."""

from collections.abc import Callable
from pathlib import Path

import pytest

from conf.document import LARGEST_FILE
from conf.errors import SettingsError
from conf.loader import load
from conf.settings import Settings

MISTAKES = {
    "misspelt key": ("stream:\n  kafka:\n    gruop: x", ["stream.kafka.gruop", "line 3", "mean stream.kafka.group?"]),
    "section in the wrong place": ("kafka:\n  topic: x", ["kafka (", "line 1", "mean stream.kafka?"]),
    "key in the wrong place": ("stream:\n  topic: x", ["stream.topic", "line 2", "mean stream.kafka.topic?"]),
    "unknown section": ("log:\nzzz:\n  a: 1", ["zzz (", "line 2", "default.yaml"]),
    "unknown and empty": ("zzz:", ["zzz (", "line 1", "no setting"]),
    "key that is a list": ("? [a, b]\n: 1", ["a list", "no setting"]),
    "number out of range": ("dashboard: {port: 99999}", ["dashboard.port is 99999", "line 1", "65535"]),
    "zero where above zero": ("stream: {lumisection_timeout_s: 0}", ["lumisection_timeout_s is 0", "greater than 0"]),
    "infinity": ("stream: {lumisection_timeout_s: .inf}", ["lumisection_timeout_s is inf", "finite"]),
    "truth value for a number": ("dashboard: {port: yes}", ["dashboard.port is True", "integer"]),
    "text for a number": ("dashboard: {port: ten}", ["dashboard.port is 'ten'", "integer"]),
    "number for a text": ("stream: {kafka: {group: 1}}", ["stream.kafka.group is 1", "string"]),
    "null for a value": ("dashboard: {port: }", ["dashboard.port is None", "integer"]),
    "unknown choice": ("stream: {source: kafak}", ["stream.source is 'kafak'", "'kafka' or 'folder'"]),
    "empty name": ("stream: {kafka: {group: ''}}", ["stream.kafka.group is ''", "at least 1"]),
    "broker without port": ("stream: {kafka: {bootstrap_servers: 'a:1,b'}}", ["is 'a:1,b'", "host:port"]),
    "broker port too large": ("stream: {kafka: {bootstrap_servers: 'a:70000'}}", ["is 'a:70000'", "host:port"]),
    "template with an unknown field": (
        "stream: {files: {root_path: '{run}/{name}/{me}'}}",
        ["stream.files.root_path is", "{name} is another", "{subsystem}"],
    ),
    "template without a name": ("stream: {files: {root_path: '{run}'}}", ["stream.files", "root_path needs {me}"]),
    "template without a run": ("stream: {files: {root_path: '{me}'}}", ["root_path or root_file needs {run}"]),
    "column that is none": (
        "stream: {files: {columns: 'run=fromrun'}}",
        ["stream.files.columns", "COLUMN=NAME", "fromrun"],
    ),
    "subsystem that is a path": ("stream: {files: {subsystem: a/b}}", ["stream.files.subsystem is 'a/b'"]),
    "topic with a blank": ("stream: {kafka: {topic: a b}}", ["stream.kafka.topic is 'a b'", "pattern"]),
    "other database": ("database: {url: mysql://me@host/x}", ["database.url", "postgresql://"]),
    "open address": ("dashboard: {host: 0.0.0.0}", ["dashboard", "host is '0.0.0.0'", "loopback", "sign_in.accounts"]),
    "open address without a name": (
        "dashboard: {host: 0.0.0.0, sign_in: {accounts: true}}",
        ["dashboard", "host is '0.0.0.0'", "public_url"],
    ),
    "passwords in the clear": (
        "dashboard: {host: 0.0.0.0, public_url: 'https://n.example.org', sign_in: {accounts: true}}",
        ["dashboard", "in the clear", "tls_certificate", "trusted_proxies"],
    ),
    "half of TLS": ("dashboard: {tls_certificate: cert.pem}", ["dashboard", "tls_certificate and tls_key"]),
    "provider without client": ("dashboard: {sign_in: {oidc: {issuer: 'https://a'}}}", ["dashboard", "client_id"]),
    "header believed from anybody": (
        "dashboard: {sign_in: {proxy: {user_header: X-User}}}",
        ["dashboard", "trusted_proxies"],
    ),
    "role that is none": (
        "dashboard: {sign_in: {oidc: {roles: crew=captain}}}",
        ["dashboard.sign_in.oidc.roles is 'crew=captain'", "viewer, shifter, expert, admin"],
    ),
    "proxy that is no address": (
        "dashboard: {trusted_proxies: proxy.example.org}",
        ["dashboard.trusted_proxies is 'proxy.example.org'", "IP addresses"],
    ),
    "open address by name": ("metrics: {host: example.org}", ["metrics.host is 'example.org'", "loopback"]),
    "thresholds that contradict": ("alerts: {raise_bad: 4}", ["alerts", "line 1", "raise_bad (4)", "raise_of (3)"]),
    "login without user": (
        "stream: {kafka: {security_protocol: SASL_SSL}}",
        ["stream.kafka", "line 1", "SASL_SSL needs a username"],
    ),
    "login without password": (
        "stream: {kafka: {security_protocol: SASL_SSL, username: me}}",
        ["SASL_SSL needs a password", "NIGHTSHIFT_STREAM__KAFKA__PASSWORD_FILE"],
    ),
    "duplicate key": ("alerts:\n  raise_of: 3\n  raise_of: 4", ["alerts.raise_of", "line 3", "second time"]),
    "duplicate section": ("log: {}\ndqm: {}\nlog: {}", ["log", "line 3", "second time"]),
    "file that is a list": ("- stream", ["line 1", "must be a mapping", "a list"]),
    "section that is a value": ("dashboard: 5", ["dashboard", "line 1", "must be a mapping", "'5'"]),
    "section that is a list": ("dashboard: [port]", ["dashboard", "must be a mapping", "a list"]),
    "value that is a list": ("dashboard: {port: [1]}", ["dashboard.port", "one plain value", "a list"]),
    "value that is a mapping": ("dashboard: {port: {a: 1}}", ["dashboard.port", "one plain value", "a mapping"]),
    "empty mapping for a value": ("dashboard: {port: {}}", ["dashboard.port", "one plain value", "a mapping"]),
    "tag that would run code": ("log: {level: !!python/name:os.system x}", ["log.level", "one plain value"]),
    "binary": ("log: {level: !!binary aGk=}", ["log.level", "one plain value"]),
    "impossible date": ("dashboard: {port: 2026-99-99}", ["dashboard.port", "one plain value"]),
    "half a surrogate pair": ('stream: {kafka: {group: "\\ud800"}}', ["stream.kafka.group", "line 1", "UTF-8"]),
    "alias": ("log: &all {level: info}\ndqm: *all", ["line 2", "aliases"]),
    "merge key": ("log:\n  <<: {level: info}", ["log.<<", "no setting"]),
    "deep nesting": ("[" * 5000, ["nested deeper"]),
    "broken YAML": ("log: [", ["line 1", "not valid YAML"]),
    "two documents": ("log: {}\n---\nlog: {}", ["line 2", "not valid YAML"]),
    "control character": ("log: \x00", ["not valid YAML"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named(mistake: str, refusal: Callable[..., str]) -> None:
    text, expected = MISTAKES[mistake]
    message = refusal(text)
    assert [part for part in expected if part not in message] == [], message


def test_several_mistakes_are_counted(refusal: Callable[..., str]) -> None:
    assert "(and 2 more)" in refusal("dashboard: {port: -1}\nmetrics: {port: -1}\nlog: {level: loud}")


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"gone\.yaml cannot be read: No such file"):
        load(tmp_path / "gone.yaml", {})


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    path.write_bytes(b"#" * (LARGEST_FILE + 1))
    with pytest.raises(SettingsError, match="larger than"):
        load(path, {})


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "image.yaml"
    path.write_bytes(b"log: \xff\xfe")
    with pytest.raises(SettingsError, match=r"not UTF-8 text \(byte 5\)"):
        load(path, {})


def test_sections_may_be_empty(load_text: Callable[..., Settings]) -> None:
    assert load_text("stream:\n  kafka:\nlog:\n") == Settings()


def test_a_whole_number_may_stand_for_a_float(load_text: Callable[..., Settings]) -> None:
    assert load_text("database: {retain_days: 7}").database.retain_days == 7.0
