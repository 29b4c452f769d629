"""Every predictor keeps the promises of ActionPredictor; the trained one survives its folder and says what is wrong."""

import dataclasses
import json
import sys
from collections import Counter

import numpy as np
import pytest

from opint.actions.action import TARGETS, ActionsError, DecidedCase, RecoveryAction
from opint.actions.model import MANIFEST, load, save
from opint.actions.rules import RecoveryRules
from opint.actions.simulation.history import simulate_history
from opint.actions.training import train_predictor
from streams.workflows import ErrorCount, ErrorMessage, WorkflowFacts, WorkflowFailures

CASES = 600
STRANGE = WorkflowFailures(
    1.7e9,
    "/nobody_has_met_this/Task",
    (ErrorCount(-987, "T9_ZZ_\u0394", 3, None), ErrorCount(123_456, "x", 10**12, False)),
    messages=(ErrorMessage("\x00" * 50 + "never met " * 100_000),),
)
EMPTY = WorkflowFailures(1.7e9, "/nothing_failed/Task", ())


@pytest.fixture(scope="module")
def history():
    return [simulated.case for simulated in simulate_history(np.random.default_rng(3), CASES + 200, 30)]


@pytest.fixture(scope="module")
def trained(history):
    return train_predictor(history[:CASES])


@pytest.fixture(scope="module", params=["rules", "trained"])
def predictor(request):
    if request.param == "trained":
        return request.getfixturevalue("trained")
    return RecoveryRules()


def test_each_snapshot_gets_a_whole_suggestion_in_order(predictor, history):
    snapshots = [STRANGE, EMPTY, *(case.failures for case in history[CASES:])]
    suggestions = predictor.suggest(snapshots)
    assert [suggestion.digest for suggestion in suggestions] == [snapshot.digest for snapshot in snapshots]
    for suggestion in suggestions:
        assert set(suggestion.targets) == set(TARGETS)
        for name, target in suggestion.targets.items():
            assert target.value == getattr(suggestion.action, name)
            assert list(target.probabilities) == list(TARGETS[name])
            assert sum(target.probabilities.values()) == pytest.approx(1.0)
            assert target.value == max(target.probabilities, key=target.probabilities.__getitem__)
        assert all(0 <= chance <= 1 for chance in suggestion.success.values())
    assert predictor.suggest([]) == []


def test_suggestions_do_not_depend_on_the_company(predictor, history):
    snapshots = [case.failures for case in history[CASES : CASES + 40]]
    together = predictor.suggest(snapshots)
    for snapshot, suggestion in zip(snapshots[:5], together, strict=False):
        assert predictor.suggest([snapshot])[0].action == suggestion.action


def test_the_version_is_that_of_what_was_learned(history, trained):
    assert train_predictor(reversed(history[:CASES])).version == trained.version
    assert RecoveryRules().version == RecoveryRules().version != trained.version


@pytest.mark.parametrize(
    ("errors", "texts", "expected"),
    [
        ([(50664, 9)], [], RecoveryAction("acdc", splitting="10-100x")),
        ([(50660, 9)], [], RecoveryAction("acdc", memory="2-9k")),
        ([(99109, 9)], [], RecoveryAction("special")),
        ([(8028, 9)], [], RecoveryAction("acdc")),
        ([(8001, 9)], ["Exception: No lhe event found"], RecoveryAction("acdc", splitting="10-100x")),
        ([(8001, 9)], ["Segmentation fault"], RecoveryAction("acdc")),
        ([(8028, 99), (50660, 9)], [], RecoveryAction("acdc")),
        ([(1, 99), (50660, 1)], [], RecoveryAction("acdc")),
        ([], [], RecoveryAction("acdc")),
    ],
)
def test_the_table_of_the_automatic_recovery(errors, texts, expected):
    counts = tuple(ErrorCount(code, "T2_IT_Rome", jobs, True) for code, jobs in errors)
    messages = tuple(ErrorMessage(text) for text in texts)
    (suggestion,) = RecoveryRules().suggest([WorkflowFailures(0.0, "/w/t", counts, messages=messages)])
    assert suggestion.action == expected
    assert all(target.abstained for target in suggestion.targets.values())


@pytest.mark.parametrize(("requested", "memory"), [(2000.0, "2-9k"), (8500.0, "10-16k"), (15_900.0, "18-20k")])
def test_the_table_adds_memory_to_what_was_requested(requested, memory):
    errors = (ErrorCount(50660, "T2_IT_Rome", 9, True),)
    failures = WorkflowFailures(0.0, "/w/t", errors, WorkflowFacts(requested_memory=requested))
    assert RecoveryRules().suggest([failures])[0].action.memory == memory


def test_trees_beat_rules_and_majority_where_there_is_something_to_learn(trained):
    assert trained.targets["action"].predictor == "xgboost"
    assert "later cases" in trained.targets["action"].reason


def test_what_cannot_be_learned_is_left_to_simpler_predictors(history, trained):
    rng = np.random.default_rng(0)
    actions = rng.permutation([case.action for case in history[:CASES]])
    noise = [dataclasses.replace(case, action=action) for case, action in zip(history, actions, strict=False)]
    learned = train_predictor(noise)
    assert Counter(target.predictor for target in learned.targets.values())["xgboost"] == 0
    assert learned.version != trained.version
    (suggestion,) = learned.suggest([history[-1].failures])
    assert suggestion.targets["action"].predictor == "majority"
    assert suggestion.contributions == ()


def test_sites_are_excluded_as_operators_do_and_only_sites_of_the_workflow(trained, history):
    snapshots = [case.failures for case in history[CASES:]]
    excluded = trained.sites.excluded([*snapshots, EMPTY])
    assert excluded[-1] == ()
    for sites, snapshot in zip(excluded, snapshots, strict=False):
        assert set(sites) <= {error.site for error in snapshot.errors}
        assert list(sites) == sorted(set(sites))
    assert [suggestion.action for suggestion in trained.suggest(snapshots)] == trained.actions(snapshots)


def test_contributions_add_up_to_the_log_odds(trained, history):
    features = trained.features([case.failures for case in history[CASES:]])
    trees = trained.targets["xrootd"].trees
    enabled = np.ones(features.shape[0], dtype=np.intp)
    odds = trees.contributions(features, enabled).sum(axis=1)
    probability = trees.probabilities(features)[:, 1]
    np.testing.assert_allclose(1 / (1 + np.exp(-odds)), probability, atol=1e-5)


def test_reasons_name_messages_by_their_words_and_each_subject_once(trained, history):
    suggestions = trained.suggest([case.failures for case in history[CASES:]])
    named = [[reason.feature for reason in suggestion.contributions] for suggestion in suggestions]
    assert all(len(names) == len(set(names)) for names in named)
    names = {name for each in named for name in each}
    messages = {name for name in names if name.startswith("message ")}
    assert messages
    assert messages <= {f"message {each.template}" for each in trained.classes.classes()}
    assert any(name.startswith("code ") for name in names)


def test_a_past_case_is_most_like_itself(trained, history):
    case = history[CASES - 1]
    (suggestion,) = trained.suggest([case.failures])
    assert suggestion.similar[0].task == case.failures.task
    assert suggestion.similar[0].similarity == pytest.approx(1.0, abs=1e-5)
    assert suggestion.similar[0].action == case.action
    assert [alike.similarity for alike in suggestion.similar] == sorted(
        (alike.similarity for alike in suggestion.similar), reverse=True
    )


def test_a_workflow_without_failures_is_refused(trained):
    assert trained.suggest([EMPTY])[0].refusal == "no job failed"


def test_where_nothing_ever_helped_nothing_is_suggested(history):
    hopeless = [
        dataclasses.replace(case, succeeded=bool(place % 40 == 0)) for place, case in enumerate(history[:CASES])
    ]
    (suggestion,) = train_predictor(hopeless).suggest([history[-1].failures])
    assert "no action is likely to help" in suggestion.refusal


def test_the_folder_holds_the_whole_predictor(trained, history, tmp_path):
    save(trained, tmp_path / "model")
    save(trained, tmp_path / "model")
    loaded = load(tmp_path / "model")
    snapshots = [STRANGE, *(case.failures for case in history[CASES : CASES + 30])]
    assert loaded.version == trained.version
    assert loaded.suggest(snapshots) == trained.suggest(snapshots)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def _change(name, change):
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes()))


def _manifest(change):
    def edit(raw):
        fields = json.loads(raw)
        change(fields)
        return json.dumps(fields).encode()

    return _change(MANIFEST, edit)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda folder: (folder / MANIFEST).unlink(), "cannot be read"),
        (lambda folder: (folder / "memory.ubj").unlink(), "cannot be read"),
        (_change("action.ubj", lambda raw: raw[:-1]), "SHA-256"),
        (_change(MANIFEST, lambda raw: raw[:100]), "damaged"),
        (_manifest(lambda fields: fields.update(format=99)), "format is 99"),
        (_manifest(lambda fields: fields["targets"].pop("memory")), "damaged"),
        (_manifest(lambda fields: fields["files"].update({"../../etc/passwd": "0"})), "names"),
        (_manifest(lambda fields: fields["past_columns"].pop()), "damaged"),
    ],
)
def test_a_damaged_folder_is_named(trained, tmp_path, damage, reason):
    save(trained, tmp_path / "model")
    damage(tmp_path / "model")
    with pytest.raises(ActionsError, match=reason):
        load(tmp_path / "model")


def test_without_xgboost_the_extra_is_named(trained, history, tmp_path, monkeypatch):
    save(trained, tmp_path / "model")
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(ActionsError, match=r"nightshift\[actions\]"):
        load(tmp_path / "model")
    with pytest.raises(ActionsError, match=r"nightshift\[actions\]"):
        train_predictor(history[:CASES])


def test_another_folder_is_not_overwritten(trained, tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(ActionsError, match="is no model"):
        save(trained, tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "precious"


def test_too_few_or_strange_cases_are_no_stack_trace(history):
    with pytest.raises(ActionsError, match="at least 200"):
        train_predictor(history[:50])
    odd = DecidedCase(history[0].failures, RecoveryAction("pray"), None)
    with pytest.raises(ActionsError, match="action is 'pray'"):
        train_predictor([odd, *history])
