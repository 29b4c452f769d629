"""The demo's cache: paths as CMS has them, days that end now, and suggestions that are made once."""

import numpy as np
import pytest

pytest.importorskip("numba")

from opint.demo import cache
from opint.placement.rules import NAME
from opint.store import caches, placement, suggestions
from rl_cache.traces.directories import dataset_of, directory_of
from rl_cache.traces.trace import DAY_S

NOW_S = 1_725_000_000.0


def test_paths_say_which_dataset_and_directory_a_file_belongs_to() -> None:
    trace = cache.demo_trace(1, NOW_S)
    first = [int(np.flatnonzero(trace.dataset.code == code)[0]) for code in np.unique(trace.dataset.code)]
    for file in first:
        path = trace.file_name[file]
        assert trace.dataset.names[trace.dataset.code[file]] == dataset_of(path)
        assert trace.directory.names[trace.directory.code[file]] == directory_of(path)
        assert NAME.fullmatch(dataset_of(path)), "Rucio would take it"
    shown = trace.first_day + cache.LEARNED_DAYS + cache.SHOWN_DAYS
    assert shown == int(NOW_S) // DAY_S


def test_suggestions_are_made_once_and_shown_on_both_pages(store) -> None:
    trace = cache.demo_trace(1, NOW_S)
    cache.suggest(store, trace, 1, NOW_S)
    with store.read() as tx:
        first = suggestions.with_decisions(tx, cache.CACHE)
        assert {rule.target_type for rule in first} <= {"directory", "dataset"}
        assert len(caches.curves(tx, cache.CACHE)) == 25
        pins = [rule for rule in first if rule.kind == "pin" and rule.status != "withdrawn"]
        (plan,) = placement.newest(tx)
        lines = placement.page(tx, plan, which="planned", limit=100).items
        fetched = [line for line in lines if "fetched ahead" in line.reason]
        assert fetched, "the demo shows a line of each kind"
        assert len(lines) == len(pins) + len(fetched)
    cache.suggest(store, trace, 2, NOW_S + 1)
    with store.read() as tx:
        assert suggestions.with_decisions(tx, cache.CACHE) == first
