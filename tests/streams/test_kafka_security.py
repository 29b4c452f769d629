"""Apache Kafka behind TLS, which asks for a name and a password."""

import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ScramMechanism, UserScramCredentialUpsertion

from conf.stream import KafkaSettings
from streams import dev_kafka as apache
from streams.errors import SourceUnavailable
from streams.kafka import KafkaPublisher, KafkaSource, client

USER, PASSWORD, WRONG = "shifter", "three-in-the-morning", "four-in-the-morning"

LISTENER = """
listeners=PLAINTEXT://127.0.0.1:{{port}},SASL_SSL://127.0.0.1:{secure},CONTROLLER://127.0.0.1:{{controller}}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.sasl_ssl.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required user_{user}="{password}";
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location={identity}
"""

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


@dataclass(frozen=True)
class Secured:
    """Where the secured listener is and who vouches for it."""

    bootstrap_servers: str
    authority: Path
    another_authority: Path


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Key and self-signed certificate for 127.0.0.1, as PEM."""
    key, signed = folder / f"{name}.key", folder / f"{name}.crt"
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run([*command.split(), "-keyout", key, "-out", signed], check=True, capture_output=True)
    return key, signed


@pytest.fixture(scope="module")
def secured(kafka_tools: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secured")
    key, signed = certificate(folder, "broker")
    (folder / "identity.pem").write_text(key.read_text() + signed.read_text())
    with socket.create_server(("127.0.0.1", 0)) as probe:
        secure = probe.getsockname()[1]
    more = LISTENER.format(secure=secure, user=USER, password=PASSWORD, identity=folder / "identity.pem")
    node = apache.ApacheKafka(folder / "kafka", more=more)
    node.start()
    admin = KafkaAdminClient(bootstrap_servers=node.bootstrap_servers)
    report = admin.alter_user_scram_credentials(
        [UserScramCredentialUpsertion(USER, ScramMechanism.SCRAM_SHA_512, PASSWORD.encode())]
    )
    admin.close()
    assert not any(report.values())
    yield Secured(f"127.0.0.1:{secure}", signed, certificate(folder, "stranger")[1])
    node.stop()


def settings(secured: Secured, **more: object) -> KafkaSettings:
    chosen = {
        "bootstrap_servers": secured.bootstrap_servers,
        "security_protocol": "SASL_SSL",
        "username": USER,
        "password": PASSWORD,
        "ca_file": secured.authority,
    }
    return KafkaSettings(**(chosen | more))


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_messages_pass_when_name_and_password_are_right(secured, publishers, read_from, mechanism):
    name = mechanism.lower()
    chosen = settings(secured, sasl_mechanism=mechanism, topic=f"t-{name}", group=f"g-{name}")
    publisher = publishers(chosen)
    large = bytes(1_000_000)
    publisher.publish_bytes(b"over TLS", {}, b"k")
    publisher.publish_bytes(large, {}, b"k")
    publisher.flush()
    source = KafkaSource(chosen)
    result, losses = read_from(source, 2)
    source.close()
    assert [item.value for item in result] == [b"over TLS", large]
    assert not losses


@pytest.fixture
def refusal(monkeypatch):
    """``refusal(settings)``: what a user is told, who waits less long for it than others."""
    monkeypatch.setattr(client, "CONNECT_S", 3.0)

    def refusal(chosen: KafkaSettings) -> str:
        with pytest.raises(SourceUnavailable) as report:
            KafkaPublisher(chosen).ensure_topic(1)
        return str(report.value)

    return refusal


def test_a_wrong_password_is_one_line_without_the_password(secured, refusal):
    text = refusal(settings(secured, sasl_mechanism="PLAIN", password=WRONG))
    assert "security settings" in text
    assert WRONG not in text


def test_a_broker_that_nobody_vouches_for_is_refused(secured, refusal):
    text = refusal(settings(secured, sasl_mechanism="PLAIN", ca_file=secured.another_authority))
    assert secured.bootstrap_servers in text


def test_plain_text_is_not_spoken_to_a_secured_broker(secured, refusal):
    text = refusal(KafkaSettings(bootstrap_servers=secured.bootstrap_servers))
    assert secured.bootstrap_servers in text
