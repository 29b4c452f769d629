"""``nightshift users`` and ``nightshift tokens`` on a real database."""

import shutil
import time

import pytest
from typer.testing import CliRunner

from opint.accounts.roles import Role
from opint.accounts.sign_in import LOCKED, WRONG, SignInRefusedError, check_password, identify_token
from opint.cli import app
from opint.store import accounts
from opint.store.engine import Store
from tests.opint.cli.commands import nightshift, printed, refused

PASSWORD = "correct horse battery"  # noqa: S105


@pytest.fixture
def site(sqlite_template, tmp_path):
    """Settings of an empty database, and the database."""
    url = f"sqlite:///{tmp_path / 'n.db'}"
    (tmp_path / "settings.yaml").write_text(f"database: {{url: '{url}'}}\n")
    shutil.copy(sqlite_template, tmp_path / "n.db")
    store = Store.open(url)
    yield ("--config", tmp_path / "settings.yaml"), store
    store.close()


def with_password(password, *arguments):
    words = [str(word) for word in arguments]
    return CliRunner().invoke(app, [*words, "--password-stdin"], input=f"{password}\n", catch_exceptions=False)


def add(config, name, role):
    result = with_password(PASSWORD, "users", "add", name, "--real-name", "Ada Lovelace", "--role", role, *config)
    assert result.exit_code == 0, result.output


def test_an_account_is_added_changed_disabled_and_listed(site):
    config, store = site
    add(config, "ada", "shifter")
    check_password(store, "ada", PASSWORD, "127.0.0.1", time.time())
    nightshift("users", "role", "ada", "expert", *config)
    assert with_password("another long one", "users", "password", "ada", *config).exit_code == 0
    with pytest.raises(SignInRefusedError, match=WRONG):
        check_password(store, "ada", PASSWORD, "127.0.0.1", time.time())
    nightshift("users", "disable", "ada", *config)
    with pytest.raises(SignInRefusedError, match=WRONG):
        check_password(store, "ada", "another long one", "127.0.0.1", time.time())
    assert all(text in nightshift("users", "list", *config) for text in ("Ada Lovelace", "expert", "disabled 20"))
    nightshift("users", "enable", "ada", *config)
    check_password(store, "ada", "another long one", "127.0.0.1", time.time())
    with store.read() as tx:
        events = [event.event for event in accounts.events(tx, 20)]
    assert events == ["enabled", "refused", "disabled", "refused", "new password", "role expert", "added"]


def test_mistakes_are_one_line(site):
    config, _ = site
    add(config, "ada", "shifter")
    assert "already" in refused("users", "add", "ada", "--real-name", "Ada", *config)
    assert "no account 'byron'" in refused("users", "disable", "byron", *config)
    assert "ada is shifter" in refused("tokens", "add", "ada", "--for", "x", "--role", "admin", *config)
    assert "no valid token 7" in refused("tokens", "revoke", "7", *config)
    with pytest.raises(SignInRefusedError, match=r"has 5 characters; write 12 to 1024"):
        with_password("short", "users", "add", "byron", "--real-name", "Byron", *config)


def test_a_token_is_shown_once_and_worth_nothing_once_it_is_revoked(site):
    config, store = site
    add(config, "ada", "shifter")
    token = printed("tokens", "add", "ada", "--for", "grafana", *config).strip()
    identity = identify_token(store, token, time.time())
    assert (identity.account, identity.role) == ("ada", Role.VIEWER)
    listed = nightshift("tokens", "list", *config)
    assert "grafana" in listed
    assert token not in listed
    nightshift("tokens", "revoke", "1", *config)
    assert identify_token(store, token, time.time()) is None


def test_an_address_that_guesses_many_names_is_locked_and_others_are_not(site):
    config, store = site
    add(config, "ada", "shifter")
    for number in range(30):
        with pytest.raises(SignInRefusedError, match=WRONG):
            check_password(store, f"guess{number}", "wrong password", "10.0.0.1", 1000.0)
    with pytest.raises(SignInRefusedError, match=LOCKED):
        check_password(store, "ada", PASSWORD, "10.0.0.1", 1000.0)
    check_password(store, "ada", PASSWORD, "10.0.0.2", 1000.0)
