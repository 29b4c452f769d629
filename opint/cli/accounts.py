"""``nightshift users`` and ``nightshift tokens``: who may sign in to the page, and programs that use its API."""

import getpass
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from conf.dashboard import RoleLabel
from conf.errors import SettingsError
from opint.cli.common import Config, Limit, Log, open_store, start, stored_text

if TYPE_CHECKING:
    from opint.store.engine import Store

MOST_NAME = 100
"""Characters of an account's name or a person's."""

users = typer.Typer(help="Keep accounts that sign in to the page: add, change, disable.", no_args_is_help=True)
tokens = typer.Typer(help="Keep API tokens, with which programs act for an account.", no_args_is_help=True)


def _name(text: str) -> str:
    if not 0 < len(stored_text(text).strip()) <= MOST_NAME or not text.isprintable():
        raise typer.BadParameter(f"{text[:40]!r} is no name; write 1 to {MOST_NAME} characters that print")
    return text.strip()


Account = Annotated[str, typer.Argument(parser=_name, metavar="ACCOUNT", help="Name of the account.")]
RoleOption = Annotated[
    RoleLabel, typer.Option("--role", help="What it may do; docs/security.md says what each role may.")
]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


@users.callback()
def users_group() -> None:
    """Keep accounts that sign in to the page: add, change, disable."""


@tokens.callback()
def tokens_group() -> None:
    """Keep API tokens, with which programs act for an account."""


@users.command("add")
def add_user(
    account: Account,
    real_name: Annotated[
        str,
        typer.Option("--real-name", parser=_name, metavar="NAME", help="Shown beside everything that the person does."),
    ],
    role: RoleOption = "shifter",
    password_stdin: FromStdin = False,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Add an account with a password, which is asked for. It may sign in where dashboard.sign_in.accounts is true."""
    from opint.accounts.sign_in import hash_password
    from opint.store import accounts
    from opint.store.accounts import NewAccount

    store = open_store(start(config, log_format))
    with store.read() as tx:
        if accounts.of_name(tx, account) is not None:
            raise SettingsError(f"there is an account {account!r} already; see `nightshift users list`")
    hashed = hash_password(_password(password_stdin))
    with store.begin() as tx:
        accounts.create(tx, NewAccount(account, real_name, role, "local", account, hashed), time.time())
    _note(store, account, "added", f"as {role}")
    typer.echo(f"{account} may sign in as {role}")


@users.command("list")
def list_users(config: Config = None, log_format: Log = None) -> None:
    """Show all accounts."""
    from rich.console import Console

    from opint.cli.terminal import terminal_table
    from opint.store import accounts
    from opint.wording import iso

    store = open_store(start(config, log_format))
    with store.read() as tx:
        stored = accounts.all_accounts(tx)
    if not stored:
        typer.echo("There are no accounts: nightshift users add ACCOUNT --real-name NAME")
        return
    table = terminal_table("account", "name", "role", "signs in by", "since (UTC)", "state", folding=("name",))
    for entry in stored:
        way = "password" if entry.origin == "local" else entry.origin
        state = "may sign in" if entry.disabled_s is None else f"disabled {iso(entry.disabled_s)}"
        table.add_row(entry.name, entry.real_name, entry.role, way, iso(entry.created_s), state)
    Console().print(table)


@users.command("disable")
def disable_user(account: Account, config: Config = None, log_format: Log = None) -> None:
    """Disable an account: its sessions end and its tokens are worth nothing, at once."""
    _change(open_store(start(config, log_format)), account, "disabled", disabled_s=time.time())


@users.command("enable")
def enable_user(account: Account, config: Config = None, log_format: Log = None) -> None:
    """Let a disabled account sign in again."""
    _change(open_store(start(config, log_format)), account, "enabled", disabled_s=None)


@users.command("role")
def change_role(
    account: Account,
    role: Annotated[RoleLabel, typer.Argument(help="The new role.")],
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Change the role of an account with a password; others have the role that their groups give them."""
    _change(open_store(start(config, log_format)), account, f"role {role}", local=True, role=role)


@users.command("password")
def change_password(
    account: Account, password_stdin: FromStdin = False, config: Config = None, log_format: Log = None
) -> None:
    """Change the password of an account, which is asked for; its sessions end."""
    from opint.accounts.sign_in import hash_password

    store = open_store(start(config, log_format))
    hashed = hash_password(_password(password_stdin))
    _change(store, account, "new password", local=True, password_hash=hashed)


@tokens.command("add")
def add_token(
    account: Account,
    purpose: Annotated[str, typer.Option("--for", parser=_name, metavar="PURPOSE", help="What uses it.")],
    role: RoleOption = "viewer",
    days: Annotated[float, typer.Option(min=0.001, max=3650, help="Days until it expires.")] = 365.0,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Make a token and print it, once: only its hash is kept. Programs send it as `Authorization: Bearer TOKEN`."""
    from opint.accounts.roles import Role
    from opint.accounts.sign_in import create_token

    store = open_store(start(config, log_format))
    token = create_token(store, account, purpose, Role.of(role), days, time.time())
    _note(store, account, "token added", f"for {purpose}, as {role}")
    typer.echo(token)


@tokens.command("list")
def list_tokens(limit: Limit = 100, config: Config = None, log_format: Log = None) -> None:
    """Show tokens, newest first. The secrets themselves are not kept."""
    from rich.console import Console

    from opint.cli.terminal import terminal_table
    from opint.store import accounts
    from opint.wording import iso

    store = open_store(start(config, log_format))
    with store.read() as tx:
        stored = accounts.all_tokens(tx)
    if not stored:
        typer.echo("There are no tokens: nightshift tokens add ACCOUNT --for PURPOSE")
        return
    table = terminal_table("number", "account", "for", "role", "valid until (UTC)", "last used (UTC)", folding=("for",))
    for entry in stored[:limit]:
        until = iso(entry.expires_s) if entry.revoked_s is None else f"revoked {iso(entry.revoked_s)}"
        used = "never" if entry.used_s is None else iso(entry.used_s)
        table.add_row(str(entry.id), entry.account, entry.label, entry.role, until, used)
    Console().print(table)


@tokens.command("revoke")
def revoke_token(
    number: Annotated[int, typer.Argument(min=1, help="The token's number, as `nightshift tokens list` shows it.")],
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Revoke a token: it is worth nothing at once."""
    from opint.store import accounts

    store = open_store(start(config, log_format))
    with store.begin() as tx:
        if not accounts.revoke(tx, number, time.time()):
            raise SettingsError(f"there is no valid token {number}; see `nightshift tokens list`")
    _note(store, "", "token revoked", f"number {number}")
    typer.echo(f"token {number} is revoked")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


def _change(store: "Store", account: str, event: str, *, local: bool = False, **values: object) -> None:
    from opint.store import accounts

    with store.begin() as tx:
        stored = accounts.of_name(tx, account)
        if stored is None:
            raise SettingsError(f"there is no account {account!r}; see `nightshift users list`")
        if local and stored.origin != "local":
            raise SettingsError(f"{account} signs in by {stored.origin}, which decides this; change it there")
        accounts.change(tx, account, **values)
    _note(store, account, event, "")
    typer.echo(f"{account}: {event}")


def _note(store: "Store", account: str, event: str, detail: str) -> None:
    from opint.store import accounts
    from opint.store.accounts import SignInEvent

    by = f"{detail}; by {getpass.getuser()}".removeprefix("; ")
    with store.begin() as tx:
        accounts.note(tx, SignInEvent(time.time(), account, event, "", by))
