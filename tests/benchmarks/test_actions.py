"""Suggested actions and message classes by one command, small."""

import json

import pytest

from benchmarks.actions.__main__ import PARTS, main
from benchmarks.actions.targets import METHODS, PEERS
from opint.actions.action import TARGETS

KEYS = {
    *("action_auc", "action_macro_recall", "memory_macro_recall", "splitting_macro_recall", "xrootd_macro_recall"),
    *("coverage_at_precision_95", "action_ece", "success_auc", "regret_of_suggested", "regret_of_always_acdc"),
    *("messages_covered", "message_stability", "messages_per_second", "new_classes_flagged", "false_new_classes"),
    *("prediction_alone", "prediction_together"),
    *(f"{target}_auc_{method}" for target in TARGETS for method in METHODS[1:]),
    *(f"{target}_gain_over_{peer}" for target in TARGETS for peer in PEERS),
}


@pytest.mark.benchmark
def test_one_command_measures_everything(real_data, capsys):
    for name in ("fts_messages.parquet", "pilot_errors.parquet", "codes_and_sites.json"):
        real_data(f"operator/{name}")
    assert main(["--quick", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert "emulated" in report["data"]
    assert "skipped" not in report["data"]
    results = report["results"]
    assert set(results) >= KEYS
    assert set(PARTS) == {"messages", "targets", "cost"}
    for key, result in results.items():
        if key.startswith((*TARGETS, "success", "regret", "coverage")):
            assert "emulated" in result["note"], key
    assert results["message_stability"]["value"] > 0.98
    assert results["regret_of_suggested"]["value"] < results["regret_of_always_acdc"]["value"]
    for target in TARGETS:
        assert results[f"{target}_log_loss_optimum"]["value"] < results[f"{target}_log_loss"]["value"]
