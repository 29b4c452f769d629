"""Dead letters are kept once, bounded, and found again."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opint.store import deadletters
from opint.store.deadletters import CutLetterError, DeadLetter, UnknownLetterError
from opint.store.engine import Store
from streams.source import Partition

LETTER = DeadLetter(
    partition=Partition("c", "t", 1),
    offset=5,
    reason="bad-json",
    field="value",
    detail="bad-json: value is b'{'",
    origin="t[1]@5",
    headers={"content-type": "application/json"},
    key=b"1:2",
    raw=b"{",
    raw_size=1,
    received_s=100.0,
)


def test_what_was_kept_is_found(store: Store) -> None:
    with store.begin() as tx:
        deadletters.add(tx, [LETTER])
        (result,) = deadletters.list_(tx).items
        assert result == replace(LETTER, id=result.id)
        assert deadletters.get(tx, result.id) == result


def test_the_same_letter_is_kept_once(store: Store) -> None:
    with store.begin() as tx:
        deadletters.add(tx, [LETTER, LETTER])
        deadletters.add(tx, [replace(LETTER, detail="again"), replace(LETTER, field="run")])
        assert [item.field for item in deadletters.list_(tx).items] == ["run", "value"]
        assert deadletters.list_(tx).items[1].detail == LETTER.detail


def test_no_letters_are_no_trouble(store: Store) -> None:
    with store.begin() as tx:
        deadletters.add(tx, [])
        assert deadletters.list_(tx) == deadletters.Page([], None)


def test_pages_neither_repeat_nor_skip(store: Store) -> None:
    with store.begin() as tx:
        deadletters.add(tx, [replace(LETTER, offset=n, reason="bad-json" if n % 2 else "oversize") for n in range(10)])
        offsets, before = [], None
        while True:
            page = deadletters.list_(tx, reason="bad-json", before=before, limit=2)
            offsets += [item.offset for item in page.items]
            before = page.next
            if before is None:
                break
        assert offsets == [9, 7, 5, 3, 1]


def test_nothing_is_stored_without_bounds(store: Store) -> None:
    big = "x" * 1_000_000
    letter = replace(
        LETTER,
        reason=big,
        field=big,
        detail=big,
        origin=big,
        headers={f"{n}{big}": big for n in range(40)},
        key=big.encode(),
        raw=b"x" * 3_000_000,
        raw_size=3_000_000,
    )
    with store.begin() as tx:
        deadletters.add(tx, [letter])
        (result,) = deadletters.list_(tx).items
    assert len(result.raw) == deadletters.MOST_BYTES
    assert result.raw_size == 3_000_000
    assert len(result.headers) == deadletters.MOST_HEADERS
    assert (
        max(
            map(
                len,
                [result.reason, result.field, result.detail, result.origin, *result.headers, *result.headers.values()],
            )
        )
        == 2000
    )
    assert len(result.key or b"") == 1024


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=[]), max_size=20), raw=st.binary(max_size=50))
def test_any_text_and_any_bytes_can_be_kept(store: Store, text: str, raw: bytes) -> None:
    letter = replace(LETTER, detail=text, origin=text, headers={text: text}, raw=raw, key=raw, offset=hash((text, raw)))
    with store.begin() as tx:
        deadletters.add(tx, [letter])
        assert deadletters.list_(tx, limit=1).items[0].raw == raw


def test_replaying_is_noted(store: Store) -> None:
    with store.begin() as tx:
        deadletters.add(tx, [LETTER])
        number = deadletters.list_(tx).items[0].id or 0
        deadletters.mark_replayed(tx, number, 200.0)
        assert deadletters.get(tx, number).replayed_s == 200.0


def test_an_unknown_letter_is_said_to_be_unknown(store: Store) -> None:
    with store.begin() as tx:
        with pytest.raises(UnknownLetterError, match="there is no dead letter 77"):
            deadletters.get(tx, 77)
        with pytest.raises(UnknownLetterError):
            deadletters.mark_replayed(tx, 77, 1.0)


def test_only_whole_letters_can_be_published_again() -> None:
    deadletters.require_whole(LETTER)
    with pytest.raises(CutLetterError, match=r"holds 1 of 9 bytes.*stream\.dead_letter_bytes"):
        deadletters.require_whole(replace(LETTER, raw_size=9))
