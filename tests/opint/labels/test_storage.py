"""Labels in both databases."""

import pytest

from opint.labels.label import WHOLE_RUN, Flag, Label, LabelError, Labels
from opint.labels.storage import import_labels, read_all, read_source, settle
from opint.store import labels as rows

FIRST = [Label(7, 1, 50, Flag.GOOD), Label(7, 51, 60, Flag.BAD, "Muon", "tripped"), Label(8, *WHOLE_RUN, Flag.GOOD)]


def test_an_import_replaces_what_the_source_had_and_nothing_else(store):
    import_labels(store, "a", Labels(FIRST), "ana", 1.0)
    import_labels(store, "b", Labels(FIRST[:1]), "ben", 2.0)
    import_labels(store, "a", Labels(FIRST[1:]), "ana", 3.0)
    with store.read() as tx:
        assert list(read_source(tx, "a")) == FIRST[1:]
        assert list(read_source(tx, "b")) == FIRST[:1]
        assert [(entry.name, entry.labels, entry.bad) for entry in rows.sources(tx)] == [("a", 2, 1), ("b", 1, 0)]
        assert rows.runs_of(tx, "a") == {7, 8}
        assert list(read_source(tx, "a", [8])) == FIRST[2:]


def test_what_is_settled_stands_over_every_source(store):
    import_labels(store, "a", Labels(FIRST), "ana", 1.0)
    with store.begin() as tx:
        settle(tx, Label(7, 10, 20, Flag.BAD, cause="dead"), "cem", 2.0)
        settle(tx, Label(7, 15, 15, Flag.GOOD, cause="looked again"), "cem", 3.0)
        settle(tx, Label(9, 1, 1, Flag.BAD), "cem", 4.0)
    with store.read() as tx:
        of_all = [(label.first, label.last, label.flag) for label in read_source(tx, "a") if label.run != 8]
        assert [extent for extent in of_all if extent[0] < 51] == [
            (1, 9, Flag.GOOD),
            (10, 14, Flag.BAD),
            (15, 15, Flag.GOOD),
            (16, 20, Flag.BAD),
            (21, 50, Flag.GOOD),
        ]
        assert {label.run for label in read_source(tx, "a")} == {7, 8}, "run 9 is none of the source's"


def test_of_all_sources_a_bad_word_counts_and_what_is_settled_stands_over_it(store):
    import_labels(store, "a", Labels(FIRST), "ana", 1.0)
    import_labels(store, "b", Labels([Label(8, *WHOLE_RUN, Flag.BAD)]), "ben", 2.0)
    with store.read() as tx:
        assert read_all(tx, [8]).flag_of_run(8, "Muon") is Flag.BAD
    with store.begin() as tx:
        settle(tx, Label(8, *WHOLE_RUN, Flag.GOOD), "cem", 3.0)
        assert read_all(tx, [8]).flag_of_run(8, "Muon") is Flag.GOOD
        assert not len(read_all(tx, [9]))


def test_names_that_are_not_there_or_taken(store):
    with pytest.raises(LabelError, match="no labels of 'x'"), store.read() as tx:
        read_source(tx, "x")
    with pytest.raises(LabelError, match="settled is the name"):
        import_labels(store, "settled", Labels(FIRST), "ana", 1.0)
