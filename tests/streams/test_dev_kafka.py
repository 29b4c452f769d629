"""Apache Kafka on one machine: what users can get wrong, and the foreground command."""

import signal
import sys

import pytest

from streams import dev_kafka as apache
from streams.errors import SourceUnavailable
from streams.kafka import describe
from tests.support.processes import child


def test_missing_java_is_one_line_that_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SourceUnavailable, match=r"Java 17 or newer is not installed .* install openjdk-17"):
        apache.java()


def test_missing_maven_is_one_line_that_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SourceUnavailable, match=r"Maven is not installed .* install maven"):
        apache.jars(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_old_java_is_refused(monkeypatch, tmp_path):
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceUnavailable, match=r"is Java 11.0.2; Apache Kafka needs 17 or newer"):
        apache.java()


def test_a_maven_that_fails_is_one_line_and_leaves_nothing(monkeypatch, tmp_path):
    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\necho '[ERROR] no route to host'\nexit 1\n")
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceUnavailable, match=r"could not fetch Apache Kafka: .*no route to host"):
        apache.jars(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_cluster_ids_never_read_as_options():
    ids = {apache._cluster_id() for _ in range(300)}
    assert len(ids) == 300
    assert not any(item.startswith("-") for item in ids)
    assert {len(item) for item in ids} == {22}


@pytest.mark.kafka
@pytest.mark.slow
def test_data_and_cluster_outlive_a_stop_and_the_foreground_command_ends_on_sigterm(
    own_apache_kafka, settings_on, publishers, tmp_path
):
    node = own_apache_kafka
    settings = settings_on(node.bootstrap_servers)
    publishers(settings, 3).close()
    before = describe(settings)
    node.stop()
    port = node.bootstrap_servers.rpartition(":")[2]
    command = [sys.executable, "-m", "streams.dev_kafka", "--data", str(node.folder), "--port", port]
    with child(command) as process:
        assert f"listens on {node.bootstrap_servers}" in process.stdout.readline()
        assert describe(settings) == before
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.kafka
def test_a_port_that_is_taken_is_one_line(apache_kafka, tmp_path):
    node = apache.ApacheKafka(tmp_path / "second", int(apache_kafka.rpartition(":")[2]))
    with pytest.raises(SourceUnavailable, match=f"something listens at {apache_kafka} already"):
        node.start()


def test_a_node_that_does_not_start_names_its_log(tmp_path, monkeypatch):
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"17.0.1\"' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    (tmp_path / "cache" / "jars").mkdir(parents=True)
    node = apache.ApacheKafka(tmp_path / "data", cache=tmp_path / "cache")
    with pytest.raises(SourceUnavailable, match=r"did not start .* the reason stands in .*server.log"):
        node.start()
    assert (tmp_path / "data" / "server.log").exists()
