"""The documented defaults are the defaults, every key is explained, and the example loads."""

from pathlib import Path

import yaml

from conf.document import DEFAULTS, read_document
from conf.keys import dotted, fields
from conf.loader import load
from conf.settings import Settings

EXAMPLE = DEFAULTS.with_name("production.example.yaml")


def test_the_file_holds_every_key() -> None:
    assert set(read_document(DEFAULTS)) == set(fields())


def test_the_file_equals_the_defaults_of_the_model() -> None:
    assert Settings.model_validate(yaml.safe_load(DEFAULTS.read_text())) == Settings()
    assert load(None, {}) == Settings()


def test_every_key_is_explained_by_a_comment_above_it() -> None:
    lines = DEFAULTS.read_text().splitlines()
    bare = []
    for key, entry in read_document(DEFAULTS).items():
        number = int(entry.origin.rpartition(" ")[2])
        comment = lines[number - 2].strip()
        if not (comment.startswith("#") and len(comment) > 15):
            bare.append(dotted(key))
    assert bare == []


def test_the_production_example_loads() -> None:
    environ = {"NIGHTSHIFT_STREAM__KAFKA__PASSWORD": "x"}
    settings = load(EXAMPLE, environ)
    assert settings.stream.kafka.security_protocol == "SASL_SSL"
    assert settings.dqm.models == Path("/var/lib/nightshift/models")
    assert settings.database.url.get_secret_value().startswith("postgresql://")
