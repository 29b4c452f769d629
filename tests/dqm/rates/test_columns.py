import numpy as np

from dqm.rates.columns import Columns

N = 40
EXPECTED = np.full(N, 500.0)
SPREAD = np.full(N, 0.03)
ALL = np.ones(N, dtype=bool)


def columns(rng):
    nice = np.array([1.0, 2.0, 5.0, 10.0])
    first = np.ones(N)
    further = []
    for _ in range(4):
        other = first.copy()
        changed = rng.choice(N, 8, replace=False)
        other[changed] = rng.choice(nice[1:], 8)
        further.append(other)
    return Columns.of([(0, first), *((5 + at, other) for at, other in enumerate(further))], N)


def test_the_column_in_use_is_found_among_its_like():
    rng = np.random.default_rng(1)
    in_training = columns(rng)
    for index, prescales in zip(in_training.index[1:], in_training.prescales[1:], strict=True):
        counts = rng.poisson(EXPECTED / prescales).astype(float)
        assert in_training.explaining(counts, EXPECTED, np.ones(N), SPREAD, ALL) == index


def test_one_seed_that_moved_is_no_column():
    rng = np.random.default_rng(2)
    counts = rng.poisson(EXPECTED).astype(float)
    counts[3:9] *= 0.4
    assert columns(rng).explaining(counts, EXPECTED, np.ones(N), SPREAD, ALL) is None


def test_an_index_keeps_the_prescales_that_came_first():
    in_training = Columns.of([(4, np.ones(2)), (None, np.zeros(2)), (4, np.full(2, 3.0))], 2)
    assert in_training.index.tolist() == [4]
    assert in_training.prescales.tolist() == [[1.0, 1.0]]
    assert Columns.of([], 2).prescales.shape == (0, 2)
