"""Reports as messages: each counts once, whoever is killed, and what operators are shown is stored with it."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import func, select

from conf.settings import Settings
from opint.actions.documents import snapshot_of, suggestion_of
from opint.actions.handler import workflow_handler
from opint.actions.predictors import Predictors
from opint.store import workflow_decisions, workflows
from opint.store.message_classes import every, message_class, message_count
from opint.store.retention import sweep
from opint.store.tables import dead_letter, heartbeat, incident, source_offset
from opint.store.workflows import workflow_error, workflow_snapshot, workflow_suggestion, workflow_task
from opint.stream_kinds import KINDS
from streams import loop
from streams.codecs.workflows import encode_workflows
from streams.errors import FencedError
from streams.metrics import Metrics
from streams.records import Partition
from streams.source import Message
from streams.testing import ScriptedSource
from streams.workflows import ErrorCount, ErrorMessage, FailureReport, WorkflowOutcome
from tests.opint.actions.reports import MEMORY, OPEN_FILE, OftenAcdc, failing

PLACE = Partition("cluster", "workflows.failures", 0)
JSON = {"content-type": "application/json"}
DAY_S = 86_400.0


class Failing:
    """A predictor with a fault in it."""

    version = "broken"

    def suggest(self, snapshots):
        raise ZeroDivisionError(len(snapshots))


def handler(store, owner="me", now_s=2000.0, predictor=None, **actions):
    values = {"actions": {"group": "g"} | actions, "stream": {"dead_letter_bytes": 1000}}
    settings = Settings.model_validate(values)
    decode, metrics = KINDS["workflows"].decoder(settings), Metrics(CollectorRegistry())
    predictors = Predictors(predictor or OftenAcdc())
    return workflow_handler(settings, store, predictors, decode, ScriptedSource(7), metrics, owner, lambda: now_s)


def messages(*reports, first=0):
    values = [
        report if isinstance(report, bytes) else encode_workflows(report, "application/json") for report in reports
    ]
    return [Message(PLACE, first + n, value, JSON, 1500.0, f"message {first + n}") for n, value in enumerate(values)]


def handle(store, *reports, first=0, **options):
    watching = handler(store, **options)
    watching.claim([PLACE])
    return watching.handle(messages(*reports, first=first))


def rows(store, table, *columns):
    with store.read() as tx:
        return tx.execute(select(*(columns or table.c)).order_by(*table.primary_key)).all()


def test_a_report_becomes_a_task_with_its_snapshot_and_a_suggestion(store):
    report = FailureReport((failing(1), failing(2)))
    assert handle(store, report) == {PLACE: 1}
    first, second = rows(store, workflow_task)
    assert (first.task, first.workflow, first.failed_jobs, first.code) == ("/workflow_1/task_0", "workflow_1", 13, 8021)
    assert (second.lost_wall_s, second.site, second.campaign) == (7200.0, "T2_IT_Rome", "Run3Summer22")
    assert (first.suggested, first.probability, first.decision, first.bundle) == ("acdc", 0.9, "", second.bundle)
    with store.read() as tx:
        ((task, content),) = workflows.contents(tx, [first.snapshot_id]).values()
    assert snapshot_of(task, content) == report.snapshots[0]
    ((number, predictor, version, content, _), _) = rows(store, workflow_suggestion)
    assert (number, predictor, version) == (first.snapshot_id, "model", "v1")
    assert suggestion_of(content) == OftenAcdc().suggest(report.snapshots)[0]


def test_an_unchanged_repeat_moves_the_time_and_a_change_is_a_new_snapshot(store):
    same = [FailureReport((failing(1, time_s),)) for time_s in (1000.0, 1100.0, 1200.0)]
    changed = FailureReport((failing(1, 1300.0, errors=(ErrorCount(50660, "T2_US_MIT", 9, False),)),))
    handle(store, *same, changed, same[0])
    first, second = rows(store, workflow_snapshot)
    assert (first.time_s, first.last_s, first.repeats, second.time_s) == (1000.0, 1200.0, 2, 1300.0)
    (task,) = rows(store, workflow_task)
    assert (task.snapshot_id, task.last_s, task.code, task.first_s) == (second.id, 1300.0, 50660, 1000.0)
    assert rows(store, workflow_error, workflow_error.c.code, workflow_error.c.jobs) == [(50660, 9)]
    assert len(rows(store, workflow_suggestion)) == 2
    # The message came with each report, and once.
    assert [(view.messages, view.jobs) for view in rows(store, message_class)] == [(1, 11)]


def test_a_snapshot_that_comes_late_is_history(store):
    newer, older = failing(1, 1300.0), failing(1, 1100.0, errors=(ErrorCount(85, "T2_US_MIT", 9, False),))
    handle(store, FailureReport((newer,)), FailureReport((older,)))
    assert [row.time_s for row in rows(store, workflow_snapshot)] == [1300.0, 1100.0]
    (task,) = rows(store, workflow_task)
    assert (task.code, task.last_s, len(rows(store, workflow_suggestion))) == (8021, 1300.0, 1)


def test_a_clock_ahead_of_ours_does_not_make_other_tasks_look_old(store):
    handle(store, FailureReport((failing(1, 1e9),)), now_s=2000.0)
    assert rows(store, workflow_task, workflow_task.c.last_s) == [(2000.0,)]


def test_an_outcome_ends_a_task_and_a_later_failure_begins_it_anew(store):
    end = FailureReport(outcomes=(WorkflowOutcome(1500.0, failing(1).task, True), WorkflowOutcome(1.0, "other", True)))
    handle(store, FailureReport((failing(1),)))
    (task,) = rows(store, workflow_task)
    with store.begin() as tx:
        decided = workflow_decisions.TaskDecision(task.id, task.snapshot_id, "accepted", {"action": "acdc"})
        workflow_decisions.decide(tx, [decided], "", "Ada", "", 1100.0)
    handle(store, end, first=1)
    (task,) = rows(store, workflow_task)
    assert (task.decision, task.outcome, task.outcome_s) == ("accepted", "succeeded", 1500.0)
    with store.read() as tx:
        assert [view.succeeded for view in workflow_decisions.of_task(tx, task.id)] == [True]
    handle(store, FailureReport((failing(1, 1600.0, errors=(ErrorCount(85, "A", 1),)),)), first=2)
    (task,) = rows(store, workflow_task)
    assert (task.decision, task.outcome, task.outcome_s) == ("", "", None)


def test_cut_anywhere_the_end_is_the_same(store, open_store, tmp_path):
    reports = [FailureReport(tuple(failing(n, 1000.0 + at) for n in range(at % 3 + 1))) for at in range(9)]
    whole = open_store(f"sqlite:///{tmp_path / 'whole.db'}")
    whole.upgrade()
    handle(whole, *reports)
    for count in (2, 5, 9):
        handle(store, *reports[:count], owner=f"daemon {count}")
    tables = (workflow_task, workflow_snapshot, message_class, message_count, source_offset)
    for table in tables:
        columns = [column for column in table.c if column.name not in {"owner", "updated_s"}]
        assert rows(store, table, *columns) == rows(whole, table, *columns)


def test_who_was_fenced_writes_nothing(store):
    first, second = handler(store, "first"), handler(store, "second")
    first.claim([PLACE])
    second.claim([PLACE])
    with pytest.raises(FencedError):
        first.handle(messages(FailureReport((failing(1),))))
    assert rows(store, workflow_task) == []


def test_classes_that_another_daemon_has_changed_are_read_again(store):
    here, there = handler(store, "here"), handler(store, "there")
    here.claim([PLACE])
    here.handle(messages(FailureReport((failing(1),))))
    there.claim([PLACE])
    message = ErrorMessage(MEMORY.format(n=1), 50660, "T2_US_MIT", 2)
    there.handle(messages(FailureReport((failing(2, messages=(message,)),)), first=1))
    here.claim([PLACE])
    again = (message, ErrorMessage("Segmentation violation in module A", 139, "", 1))
    here.handle(messages(FailureReport((failing(3, messages=again),)), first=2))
    with store.read() as tx:
        views = every(tx)
    assert [view.number for view in views] == [1, 2, 3]
    assert [(view.example[:3], view.messages) for view in views] == [("Fat", 1), ("Job", 2), ("Seg", 1)]


def test_what_cannot_be_read_is_a_dead_letter_and_the_others_are_stored(store):
    bad = replace(failing(2), errors=(ErrorCount(8021, "A", -3),))
    handle(store, FailureReport((bad, failing(1))), b"nonsense", FailureReport((failing(3),)))
    assert [row.task for row in rows(store, workflow_task)] == [failing(1).task, failing(3).task]
    with store.read() as tx:
        letters = tx.execute(select(dead_letter.c.reason, dead_letter.c.detail).order_by(dead_letter.c.reason)).all()
    assert [reason for reason, _ in letters] == ["bad-json", "out-of-range"]
    assert "/workflow_2/task_0: code 8021 at A is -3" in letters[1].detail


def test_a_fault_of_the_predictor_costs_the_suggestion_and_not_the_task(store):
    handle(store, FailureReport((failing(1), failing(2))), predictor=Failing())
    assert [(row.suggested, row.probability) for row in rows(store, workflow_task)] == [("", None)] * 2
    contents = [suggestion_of(row.content) for row in rows(store, workflow_suggestion)]
    assert {content.refusal for content in contents} == {"the predictor failed: ZeroDivisionError"}


def test_a_new_kind_of_message_is_an_incident_when_it_has_come_often_enough(store):
    usual = FailureReport((failing(1),))
    handle(store, usual, now_s=1000.0)
    new = [
        FailureReport((failing(n, messages=(ErrorMessage(MEMORY.format(n=n), 50660, "T2_US_MIT", 2),)),))
        for n in range(2, 9)
    ]
    for at, report in enumerate(new):
        handle(store, report, first=1 + at, now_s=1000.0 + DAY_S, new_class_messages=5)
    with store.read() as tx:
        ((family, title, severity),) = tx.execute(
            select(incident.c.family, incident.c.title, incident.c.severity)
        ).all()
    assert (family, severity) == ("new-message-class", "warning")
    assert title == "New kind of error message: Job <num> exceeded its memory limit and was killed"
    assert [view.flagged_s for view in rows(store, message_class)] == [None, 1000.0 + DAY_S]


def test_in_the_beginning_every_class_is_new_and_none_an_incident(store):
    texts = [OPEN_FILE, MEMORY, "Segmentation violation in {n}"]
    for at in range(9):
        report = FailureReport((failing(at, messages=(ErrorMessage(texts[at % 3].format(n=at)),)),))
        handle(store, report, first=at, now_s=1000.0 + at, new_class_messages=1)
    assert len(rows(store, message_class)) == 3
    assert rows(store, incident) == []


def test_very_many_kinds_of_messages_keep_to_the_bound(store):
    words = np.random.default_rng(1).permuted(np.tile(np.arange(26), (400, 1)), axis=1)[:, :9]
    texts = [" ".join(chr(97 + letter) * 3 for letter in row) for row in words.tolist()]
    reported = tuple(ErrorMessage(text, 85, "A", 1) for text in texts)
    handle(store, FailureReport((failing(1, messages=reported),)), max_classes=50)
    views = rows(store, message_class)
    assert len(views) == 51
    assert sum(view.messages for view in views) == 400


def test_it_says_that_it_lives_and_takes_messages_from_the_loop(store):
    source = ScriptedSource(7)
    source.publish(PLACE, encode_workflows(FailureReport((failing(1),)), "application/json"), headers=JSON)
    source.give(PLACE)
    source.end()
    watching = handler(store)
    loop.run(source, watching, threading.Event(), np.random.default_rng(0), notify=lambda _: None)
    watching.stopped()
    assert [(row.state, row.messages) for row in rows(store, heartbeat)] == [("stopped", 1)]
    with store.read() as tx:
        assert tx.scalar(select(func.count()).select_from(workflow_task)) == 1


def test_what_is_old_goes_unless_somebody_has_decided_about_it(store):
    later = failing(1, 1100.0, errors=(ErrorCount(85, "A", 3),))
    handle(store, FailureReport((failing(1), failing(2), failing(3))), FailureReport((later,)))
    handle(store, FailureReport((failing(3, 2e6),)), first=2, now_s=2e6)
    decided = next(row for row in rows(store, workflow_task) if row.task == later.task)
    with store.begin() as tx:
        decision = workflow_decisions.TaskDecision(decided.id, decided.snapshot_id, "rejected", None)
        workflow_decisions.decide(tx, [decision], "", "Ada", "by hand", 1200.0)
    sweep(store, 2e6 + DAY_S, 2.0)
    assert [row.task for row in rows(store, workflow_task)] == [later.task, failing(3).task]
    assert [row.time_s for row in rows(store, workflow_snapshot)] == [1000.0, 1100.0]
    assert len(rows(store, workflow_suggestion)) == 2
    assert rows(store, message_count) == []
