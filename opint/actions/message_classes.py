"""Raw error messages become a few stable classes, as they come.

Numbers, identifiers, hosts, paths, times and names of certificates are masked, and a tree of fixed depth sorts what
remains (Drain: P. He et al., ICWS 2017; the library drain3). A class is a template: the words its messages share, with
``<*>`` where they differ.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from drain3.drain import Drain, LogCluster

MAX_CLASSES = 1000
"""Classes that are told apart; a message of yet another class is of the class :data:`OVERFLOW`."""
MAX_LENGTH = 2000
"""Characters of a message that are looked at; ``<cut>`` stands for what follows."""
SIMILARITY = 0.8
"""Share of a template's words that a message must have in the same places; most of a message is what its program always
says, and the error is in the few words that differ."""
DEPTH = 4
"""Levels of the tree: root, number of words, first word, templates."""

_MASKS = tuple(
    (re.compile(pattern), mask)
    for pattern, mask in (
        (r"(?:/[A-Za-z]{1,12}=[\w.:@*-]+(?: [A-Z][\w.-]*)*){2,}", "<dn>"),
        (r"\b[a-z][a-z0-9+]{1,15}://[^\s\"'>,;\])]+", "<url>"),
        (r"(?<![\w/<>])/{1,2}[\w.+%~@#-]+(?:/+[\w.+%~@#=:,-]*)+", "<path>"),
        (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?", "<time>"),
        (r"\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?(?:[A-Z][a-z]{2} +\d{1,2} )?\d\d:\d\d:\d\d(?:[.,]\d+)?", "<time>"),
        (r"\b[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\b", "<id>"),
        (r"\[?(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{0,4}(?![\w:])\]?(?::\d+)?", "<host>"),
        (r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b", "<host>"),
        (r"(?<![\w.+-])[\w.+-]*[\w+-]\.(?:root|log|txt|py|xml|json|tgz|tar|gz|lhe|db|so|sh)(?:\.\d+)*\b", "<file>"),
        (r"\blog\.\w+", "<file>"),
        (r"\b(?:[A-Za-z0-9_-]+\.)+[a-z]{2,6}(?::\d+\b|(?![\w.(]))", "<host>"),
        (r"\b0x[0-9A-Fa-f]+\b", "<id>"),
        (r"\b(?=[0-9a-f]*\d)(?=\d*[a-f])[0-9a-f]{6,}\b", "<id>"),
        (r"\d+(?:\.\d+)?", "<num>"),
    )
)


@dataclass(frozen=True, slots=True)
class MessageClass:
    """Messages that say the same.

    ``number`` (0 or larger) is given at creation and never changes. ``template`` is the text they share; ``<*>`` takes
    the place of words in which later messages differ.
    """

    number: int
    template: str


OVERFLOW = MessageClass(0, "<*>")
"""The class of all messages that would need a class beyond the largest number."""


class MessageClasses:
    """Classes that grow with the messages; equal messages in equal order make equal classes.

    Memory is bounded by ``max_classes`` and :data:`MAX_LENGTH`, whatever comes. Not for several threads at once.
    """

    def __init__(self, max_classes: int = MAX_CLASSES) -> None:
        """Begin without classes."""
        if max_classes < 1:
            raise ValueError(f"max_classes must be at least 1, got {max_classes}")
        self._max_classes = max_classes
        self._overflown = False
        self._drain = Drain(depth=DEPTH, sim_th=SIMILARITY, parametrize_numeric_tokens=False)

    @classmethod
    def restore(cls, classes: Iterable[MessageClass], max_classes: int = MAX_CLASSES) -> "MessageClasses":
        """Go on with the ``classes`` of another time, in any order."""
        restored = cls(max_classes)
        drain = restored._drain
        for message_class in sorted(classes, key=lambda message_class: message_class.number):
            if message_class.number == OVERFLOW.number:
                restored._overflown = True
                continue
            cluster = LogCluster(message_class.template.split(), message_class.number)
            drain.id_to_cluster[message_class.number] = cluster
            drain.add_seq_to_prefix_tree(drain.root_node, cluster)
            drain.clusters_counter = message_class.number
        return restored

    def classify(self, text: str) -> tuple[MessageClass, bool]:
        """The class of a message, which may grow or begin by it, and whether it is new."""
        words = masked(text)
        if len(self._drain.clusters) >= self._max_classes and self._search(words) is None:
            new, self._overflown = not self._overflown, True
            return OVERFLOW, new
        cluster, change = self._drain.add_log_message(words)
        return _message_class(cluster), change == "cluster_created"

    def match(self, text: str) -> MessageClass | None:
        """The class that :meth:`classify` would give a message, where there is one; nothing is learned."""
        cluster = self._search(masked(text))
        return None if cluster is None else _message_class(cluster)

    def classes(self) -> list[MessageClass]:
        """All classes, by number."""
        grown = [_message_class(cluster) for cluster in self._drain.clusters]
        return [OVERFLOW, *grown] if self._overflown else grown

    def _search(self, words: str) -> LogCluster | None:
        drain = self._drain
        return drain.tree_search(drain.root_node, drain.get_content_as_tokens(words), SIMILARITY, False)


def masked(text: str) -> str:
    """The words of a message: printable, cut to length, what is individual about it replaced by its kind."""
    shown = text[:MAX_LENGTH]
    printable = "".join(letter if letter.isprintable() else " " for letter in shown)
    for pattern, mask in _MASKS:
        printable = pattern.sub(mask, printable)
    words = " ".join(printable.split()) or "<empty>"
    return f"{words} <cut>" if len(text) > MAX_LENGTH else words


def _message_class(cluster: LogCluster) -> MessageClass:
    return MessageClass(cluster.cluster_id, cluster.get_template())
