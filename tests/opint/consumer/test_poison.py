"""A message that always fails is isolated; what a moment or a person mends is not taken for one."""

import pytest

from opint.consumer.handler import MAX_FAULTS_IN_A_ROW, PoisonIsolation
from opint.store.engine import StoreError, StoreUnavailable
from opint.store.errors import StoreRefusedError
from streams.errors import FencedError


@pytest.fixture
def isolation():
    return PoisonIsolation()


def processing(poison, error=StoreRefusedError):
    """Processing that fails for a batch in which any of ``poison`` is."""

    def process(batch):
        if poison & set(batch):
            raise error("not these")
        return list(batch)

    return process


def refuse(item, error):
    return f"{item} {error.reason}"


@pytest.mark.parametrize("poison", [{3}, {0}, {9}, {2, 3, 7}, set(range(10))])
def test_what_fails_is_refused_and_the_rest_is_processed_in_order(isolation, poison):
    results = isolation.process(range(10), processing(poison), refuse)
    flat = [item for part in results for item in (part if isinstance(part, list) else [part])]
    assert flat == [f"{n} refused-by-database" if n in poison else n for n in range(10)]


@pytest.mark.parametrize("error", [StoreUnavailable, StoreError, FencedError])
def test_what_lies_in_no_message_is_raised_at_once(isolation, error):
    with pytest.raises(error):
        isolation.process(range(10), processing({3}, error), refuse)


def test_a_fault_of_ours_is_told_with_the_letter(isolation, capsys):
    _, (_, *_), *_ = isolation.process([1, 2, 3], processing({1}, ZeroDivisionError), refuse)
    assert "this is a fault of nightshift" in "".join(capsys.readouterr())


def test_faults_of_ours_in_all_messages_end_the_daemon(isolation):
    refused = []
    with pytest.raises(ZeroDivisionError):
        isolation.process(
            range(1000), processing(set(range(1000)), ZeroDivisionError), lambda n, _error: refused.append(n)
        )
    assert len(refused) == MAX_FAULTS_IN_A_ROW - 1


def test_refused_data_never_end_it(isolation):
    assert len(isolation.process(range(100), processing(set(range(100))), refuse)) == 100
