"""Messages that say the same are of one class, whatever their numbers, hosts and paths, in bounded memory."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opint.actions.message_classes import MAX_LENGTH, OVERFLOW, MessageClass, MessageClasses, masked

texts = st.lists(st.text("ab1/.: \x00é\ud800", max_size=40), max_size=60)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("read 12 of 3.5 GB", "read <num> of <num> GB"),
        ("no route to eos.cern.ch:1094", "no route to <host>"),
        ("no route to 10.0.0.7:22", "no route to <host>"),
        ("no route to [2001:1458:201:e5::100]:1094", "no route to <host>"),
        ("cannot open root://eos.cern.ch:1094//eos/cms/a.root", "cannot open <url>"),
        ("cannot open /store/data/Run2024A/file_3.root", "cannot open <path>"),
        ("cannot open step1_12.root", "cannot open <file>"),
        ("2026-01-02T03:04:05.678Z job died", "<time> job died"),
        ("request 8b1a9953-c461-1296-a827-abf8c47804d7 lost", "request <id> lost"),
        ("checksum 3f2a9c1d", "checksum <id>"),
        ("denied for /DC=ch/DC=cern/CN=Jane Doe today", "denied for <dn> today"),
        ("a\x00b\n\tc", "a b c"),
        ("", "<empty>"),
        ("std::bad_alloc in module::produce()", "std::bad_alloc in module::produce()"),
    ],
)
def test_what_is_individual_is_masked(text, words):
    assert masked(text) == words


def test_a_huge_message_is_cut_with_a_mark():
    words = masked("disk full " * 1_000_000)
    assert words.endswith(" <cut>")
    assert len(words) <= MAX_LENGTH + len(" <cut>")


def test_messages_that_say_the_same_are_of_one_class():
    classes = MessageClasses()
    first, new = classes.classify("cannot connect to se1.example.org:1094 after 3 attempts")
    again, new_again = classes.classify("cannot connect to se27.example.net:2811 after 12 attempts")
    other, new_other = classes.classify("no space left on device /pool/3")
    assert (new, new_again, new_other) == (True, False, True)
    assert first == again
    assert other.number == first.number + 1
    assert classes.classes() == [first, other]


def test_a_template_grows_and_its_number_stays():
    classes = MessageClasses()
    first, _ = classes.classify("the library muon could not be loaded by this job")
    grown, new = classes.classify("the library calorimeter could not be loaded by this job")
    assert not new
    assert grown == MessageClass(first.number, "the library <*> could not be loaded by this job")


def test_matching_learns_nothing():
    classes = MessageClasses()
    classes.classify("cannot open the catalogue of this site")
    assert classes.match("no such dataset") is None
    assert classes.match("cannot open the catalogue of another site") is not None
    assert [grown.template for grown in classes.classes()] == ["cannot open the catalogue of this site"]


def test_a_flood_of_distinct_messages_ends_in_one_class_that_is_new_once():
    rng, classes = random.Random(1), MessageClasses(max_classes=20)
    flood = [" ".join("".join(rng.choices("abcdef", k=8)) for _ in range(rng.randint(1, 9))) for _ in range(500)]
    outcomes = [classes.classify(text) for text in flood]
    assert len(classes.classes()) == 21
    assert [flooded.number for flooded, new in outcomes if new] == [*range(1, 21), OVERFLOW.number]
    assert classes.match("yet another message that nobody has met") is None
    restored = MessageClasses.restore(classes.classes(), max_classes=20)
    assert restored.classify("yet another message that nobody has met") == (OVERFLOW, False)


@given(texts, texts)
def test_restored_classes_go_on_as_if_nothing_had_happened(before, after):
    classes = MessageClasses()
    for text in before:
        classes.classify(text)
    restored = MessageClasses.restore(reversed(classes.classes()))
    assert restored.classes() == classes.classes()
    assert [restored.classify(text) for text in after] == [classes.classify(text) for text in after]


def test_real_messages_make_few_stable_classes(real_data):
    import pyarrow.parquet as pq

    columns = {"fts_messages": "message", "pilot_errors": "exeerrordiag"}
    halves = ([], [])
    for name, column in columns.items():
        messages = pq.read_table(real_data(f"operator/{name}.parquet"))[column].to_pylist()
        for half, part in zip(halves, (messages[::2], messages[1::2]), strict=True):
            half.extend(part)
    classes = MessageClasses()
    for text in halves[0]:
        classes.classify(text)
    before = [classes.match(text).number for text in halves[0]]
    for text in halves[1]:
        classes.classify(text)
    after = [classes.match(text).number for text in halves[0]]
    assert sum(a != b for a, b in zip(before, after, strict=True)) <= 0.01 * len(before)
    assert 100 <= len(classes.classes()) <= 250


@pytest.mark.parametrize(
    "pattern", ["a-", "+-", "a.", "a.b-", "1:", "/a=", "/a", "::", "a1b2", "[[", "12:34:", "/A=b C"]
)
def test_a_message_made_to_be_slow_is_not(pattern):
    start = time.process_time()
    masked(pattern * MAX_LENGTH)
    assert time.process_time() - start < 0.5
