"""Roles, each of which may do all that those below it may, and who somebody is for one request."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Self


class Role(IntEnum):
    """What an account may do; docs/security.md has the table."""

    VIEWER = 1
    """Look at everything."""
    SHIFTER = 2
    """Also acknowledge, comment, reopen and silence incidents, and mark events."""
    EXPERT = 3
    """Also resolve and judge incidents, settle labels, accept references and placements."""
    ADMIN = 4
    """Also see accounts and who signed in."""

    @property
    def label(self) -> str:
        """The name that people write: ``viewer``, ``shifter``, ``expert`` or ``admin``."""
        return self.name.lower()

    @classmethod
    def of(cls, label: str) -> Self:
        """The role of a name; raises ValueError for any other text."""
        for role in cls:
            if role.label == label:
                return role
        raise ValueError(f"{label[:40]!r} is no role; roles are {', '.join(role.label for role in cls)}")


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who has signed in; ``by_token`` where a program shows an API token in place of a session."""

    account: str
    real_name: str
    role: Role
    by_token: bool = False

    @property
    def signature(self) -> str:
        """What stands on an action: the real name and the account, at most 80 characters."""
        return f"{self.real_name[:50]} ({self.account[:25]})"


def granted_role(groups: list[str], roles: dict[str, Role], default: Role | None) -> Role | None:
    """The highest role that any of the groups gives, else ``default``; None: no access."""
    return max((roles[group] for group in groups if group in roles), default=default)
