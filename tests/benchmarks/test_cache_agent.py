"""The quick version of the cache benchmark's part on the agent."""

import pytest

pytest.importorskip("torch")

from benchmarks.cache import agent


@pytest.mark.benchmark
def test_the_agent_is_measured_beside_its_peers(monkeypatch, tmp_path):
    monkeypatch.setenv("NIGHTSHIFT_DATA", str(tmp_path))
    results = agent.run(quick=True)
    assert {"agent_gain_over_s3fifo", "agent_way_to_belady", "env_steps_per_s", "training_s"} <= set(results)
    best = {name.removeprefix("bmr_"): result.value for name, result in results.items() if name.startswith("bmr_")}
    assert min(best, key=best.__getitem__) == "belady"
    assert results["agent_gain_over_s3fifo"].value == pytest.approx(best["s3fifo"] - best["agent"])
