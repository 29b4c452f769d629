"""What XCache can be told of accepted suggestions: a file of quotas, and a list of paths that are not stored.

``pfc.purgelib libXrdPfcPurgeQuota.so quota.cfg`` reads one directory and its bytes a line and purges directories above
their quota first. It knows the usage of directories as deep as ``pfc.dirstats maxdepth`` says, and logs "directory not
found" for others. A directory ends with a slash, without which XRootD 5.9.9 joins it with the names of its files as it
is, does not find them and purges none. ``pfc.decisionlib libXrdBlacklistDecision.so blacklist.cfg`` reads one pattern a
line, as fnmatch(3) has them with FNM_PATHNAME: a star does not go past a slash.

Sources: XrdPfcPurgeQuota.cc (ConfigPurgePin), XrdPfcPurge.cc, XrdPfcBlacklistDecision.cc (ConfigDecision) and
XrdOucStream.cc of XRootD.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from opint.store.suggestions import StoredSuggestion
from opint.wording import iso

_DIRECTORY = re.compile(r"(/[A-Za-z0-9][A-Za-z0-9._+=-]*)+")
"""A path that XRootD reads as one word: no space, ``#``, ``$``, backslash, wildcard, empty name or leading dot."""
_LONGEST_PATH = 1024
_LEVELS = 8
"""How many directories deep below a refused one files may lie: a pattern is needed for each."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An accepted suggestion that a file cannot express, and why."""

    kind: str
    target: str
    reason: str


@dataclass(frozen=True, slots=True)
class XcacheFile:
    """The lines of a file, without what leads it, and what it leaves out."""

    lines: tuple[str, ...]
    left_out: tuple[LeftOut, ...]

    def text(self, cache: str, now_s: float) -> str:
        """The file with its leading comment."""
        return "\n".join([f"# cache {_printable(cache)}, suggestions accepted by {iso(now_s)}", *self.lines, ""])


def quota_file(capacity_bytes: int, suggestions: Sequence[StoredSuggestion]) -> XcacheFile:
    """The accepted quotas of a cache of this size."""
    lines, left_out = [], []
    for rule in _accepted(suggestions):
        reason = _why_no_quota(rule)
        if reason:
            left_out.append(LeftOut(rule.kind, rule.target, reason))
        else:
            lines.append(f"{rule.target}/ {max(1, int(rule.share * capacity_bytes))}")
    return XcacheFile(tuple(lines), tuple(left_out))


def blacklist_file(suggestions: Sequence[StoredSuggestion]) -> XcacheFile:
    """Patterns for all files in the directories whose refusal was accepted."""
    lines: list[str] = []
    left_out = []
    for rule in _accepted(suggestions):
        if rule.kind != "refuse":
            continue
        if reason := _why_no_directory(rule):
            left_out.append(LeftOut(rule.kind, rule.target, reason))
        else:
            lines += [rule.target + "/*" * level for level in range(1, _LEVELS + 1)]
    return XcacheFile(tuple(lines), tuple(left_out))


def _accepted(suggestions: Sequence[StoredSuggestion]) -> Iterator[StoredSuggestion]:
    return (rule for rule in suggestions if rule.decision == "accepted")


def _why_no_quota(rule: StoredSuggestion) -> str:
    if rule.kind == "refuse":
        return "a quota only purges what was stored: blacklist.cfg refuses it"
    if rule.kind == "prefetch":
        return "a quota only purges and cannot fetch: what is to be fetched now are lines of the placement plan"
    if rule.kind != "quota":
        return "a quota cannot hold files back from a purge: the line of the placement plan copies the dataset to disk"
    return _why_no_directory(rule)


def _why_no_directory(rule: StoredSuggestion) -> str:
    """Why XCache cannot be given this rule; empty if it can."""
    if rule.status == "withdrawn":
        return f"its trial is over: {rule.status_reason}"
    if rule.target_type != "directory":
        return f"it is for a {rule.target_type}, and XCache knows directories alone: report files by their paths"
    if len(rule.target) > _LONGEST_PATH or not _DIRECTORY.fullmatch(rule.target):
        return "XRootD's parser would not read this path as one word"
    return ""


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
