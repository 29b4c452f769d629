"""Classes of real error messages: how many cover how much, how stable they are, how fast, and what new ones take."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from sklearn.cluster import DBSCAN
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import adjusted_rand_score

from benchmarks.actions.histories import real_material
from benchmarks.actions.texts import fts_messages, pilot_errors
from benchmarks.intervals import poisson, wilson
from benchmarks.report import Progress, Result
from opint.actions.message_classes import MessageClasses
from opint.actions.simulation.history import simulate_history

CLASSES = 200
RADII = (0.1, 0.2, 0.3, 0.5)
"""Cosine distances of DBSCAN; that which covers most is reported."""
FLAGGED_AT = 5
"""Messages of a new class after which it is flagged."""
LEAST_MESSAGES = 20
"""Messages of a class that is held out to appear as new."""
QUICK = 800
A_WEEK = 550
"""Tasks that fail in a week of the emulated stream."""
WEEKS, QUICK_WEEKS, LEARNED_WEEKS = 60, 4, 2

Sort = Callable[[Sequence[str]], list[int]]
"""From messages to the class of each."""
DBSCAN_NAME = "TF-IDF and DBSCAN"


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> dict[str, Result]:
    """All keys that rest on real messages."""
    transfers, (pilots, times) = fts_messages(data), pilot_errors(data)
    if quick:
        transfers, pilots, times = transfers[:QUICK], pilots[:QUICK], times[:QUICK]
    rng = np.random.default_rng(seeds[0])
    texts = [(transfers + pilots)[at] for at in rng.permutation(len(transfers) + len(pilots))]
    progress(f"{len(texts)} messages")
    return {
        **_sorted_both_ways(texts),
        **_new_classes(texts, progress),
        "new_classes_in_a_day": _flags_of_a_day(pilots, times),
        "false_new_classes": _false_flags(data, quick, seeds[0]),
    }


def drain(texts: Sequence[str]) -> list[int]:
    """Our classes after all messages have come."""
    classes = MessageClasses()
    for text in texts:
        classes.classify(text)
    return [-1 if (matched := classes.match(text)) is None else matched.number for text in texts]


def dbscan(radius: float) -> Sort:
    """Clusters of TF-IDF vectors; equal messages are one point."""

    def sort(texts: Sequence[str]) -> list[int]:
        distinct = list(dict.fromkeys(texts))
        vectors = TfidfVectorizer(analyzer=str.split).fit_transform(distinct)
        labels = DBSCAN(eps=radius, min_samples=1, metric="cosine").fit(vectors).labels_
        by_text = dict(zip(distinct, labels, strict=True))
        return [int(by_text[text]) for text in texts]

    return sort


def _sorted_both_ways(texts: Sequence[str]) -> dict[str, Result]:
    half = len(texts) // 2
    ours, seconds = _timed(drain, texts)
    peer, peer_seconds, radius = max(
        ((*_timed(dbscan(radius), texts), radius) for radius in RADII), key=lambda run: _coverage(run[0])
    )
    stability = adjusted_rand_score(drain(texts[:half]), ours[:half])
    peer_stability = adjusted_rand_score(dbscan(radius)(texts[:half]), peer[:half])
    low, high = wilson(round(_coverage(ours) * len(texts)), len(texts))
    distance = f"cosine distance {radius}, the best of {', '.join(map(str, RADII))}"
    n = len(texts)
    return {
        "messages_covered": _compared(_coverage(ours), _coverage(peer), "share", n, distance, low, high),
        "message_classes": _compared(len(set(ours)), len(set(peer)), "classes", n, distance),
        "message_stability": _compared(stability, peer_stability, "adjusted Rand index", half, distance),
        "messages_per_second": _compared(
            n / seconds, n / peer_seconds, "1/s", n, "DBSCAN starts anew for each message"
        ),
    }


def _coverage(labels: Sequence[int]) -> float:
    return sum(count for _, count in Counter(labels).most_common(CLASSES)) / len(labels)


def _compared(
    value: float, peer: float, unit: str, n: int, note: str, low: float | None = None, high: float | None = None
) -> Result:
    return Result(value, unit, low, high, n, DBSCAN_NAME, peer, value / peer, note)


def _new_classes(texts: Sequence[str], progress: Progress) -> dict[str, Result]:
    """Each larger class in turn is held back until the others have been learned."""
    labels = drain(texts)
    large = [label for label, count in Counter(labels).items() if count >= LEAST_MESSAGES]
    delays = []
    for label in large:
        classes = MessageClasses()
        for text, other in zip(texts, labels, strict=True):
            if other != label:
                classes.classify(text)
        delays.append(_delay(classes, [text for text, own in zip(texts, labels, strict=True) if own == label]))
        progress(f"new class of {len(large)}: flagged after {delays[-1]}")
    within = sum(delay <= LEAST_MESSAGES for delay in delays)
    low, high = wilson(within, len(large))
    worst = f"flagged at the {FLAGGED_AT}th message; the slowest took {max(delays):.0f}"
    return {"new_classes_flagged": Result(within / len(large), "share", low, high, len(large), note=worst)}


def _delay(classes: MessageClasses, texts: Sequence[str]) -> float:
    """Messages until one class that is new has enough of them; infinite if none has."""
    last = max(each.number for each in classes.classes())
    counts = Counter[int]()
    for position, text in enumerate(texts, start=1):
        number = classes.classify(text)[0].number
        counts[number] += 1
        if number > last and counts[number] >= FLAGGED_AT:
            return position
    return float("inf")


def _flags_of_a_day(texts: Sequence[str], times: Sequence[str]) -> Result:
    """Classes that the second half of a real day of errors adds, right or wrong."""
    half = len(texts) // 2
    classes = MessageClasses()
    for text in texts[:half]:
        classes.classify(text)
    last = max(each.number for each in classes.classes())
    counts = Counter(classes.classify(text)[0].number for text in texts[half:])
    flagged = sum(number > last and count >= FLAGGED_AT for number, count in counts.items())
    span = datetime.fromisoformat(times[-1]) - datetime.fromisoformat(times[half])
    days = span.total_seconds() / 86_400
    note = (
        f"{flagged} in {days:.2f} days of real errors after as many had been learned; whether they are new is not known"
    )
    return Result(flagged / days, "1/day", n=len(texts) - half, note=note)


def _false_flags(data: Path, quick: bool, seed: int) -> Result:
    """Flags in an emulated stream of real messages from sources that do not change."""
    weeks = QUICK_WEEKS if quick else WEEKS
    history = simulate_history(np.random.default_rng(seed), weeks * A_WEEK, weeks, real_material(data))
    classes, counts, learned = MessageClasses(), Counter[int](), set[int]()
    for number, simulated in enumerate(history):
        for message in simulated.case.failures.messages:
            counts[classes.classify(message.text)[0].number] += 1
        if number < LEARNED_WEEKS * A_WEEK:
            learned = set(counts)
    flagged = sum(number not in learned and count >= FLAGGED_AT for number, count in counts.items())
    days = 7 * (weeks - LEARNED_WEEKS)
    note = f"emulated stream of real messages; {flagged} in {days} days after {LEARNED_WEEKS} weeks had been learned"
    low, high = poisson(flagged)
    return Result(flagged / days, "1/day", low / days, high / days, sum(counts.values()), note=note)


def _timed(sort: Sort, texts: Sequence[str]) -> tuple[list[int], float]:
    start = time.perf_counter()
    return sort(texts), time.perf_counter() - start
