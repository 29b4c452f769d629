"""Reports of failing workflows over TCP: the daemon is killed in between, and one message is nonsense."""

import uuid
from contextlib import closing

import orjson
from sqlalchemy import select

from conf.stream import KafkaSettings
from opint.store.engine import Store
from opint.store.tables import dead_letter
from opint.store.workflows import workflow_snapshot, workflow_suggestion, workflow_task
from streams.codecs.content_type import JSON_CONTENT_TYPE
from streams.codecs.workflows.json import write_snapshot
from streams.kafka import KafkaPublisher
from tests.e2e.watching import progress, settings_for, wait_until
from tests.opint.actions.reports import failing

TASKS = 60


def test_killed_in_between_each_report_is_one_task_with_one_suggestion(embedded_broker, models, tmp_path, daemons_with):
    kafka = {"embedded": True, "cluster_id": embedded_broker.cluster_id, "max_poll_records": 4}
    url, topic = f"sqlite:///{tmp_path / 'n.db'}", f"workflows.{uuid.uuid4().hex}"
    values = settings_for(embedded_broker.bootstrap_servers, f"dqm.{uuid.uuid4().hex}", url, models, **kafka)
    values["actions"] = {"watch": True, "topic": topic, "group": "w"}
    reports = [
        orjson.dumps({failures.task: write_snapshot(failures)})
        for failures in (failing(number, 1000.0 + number) for number in range(TASKS))
    ]
    daemons = daemons_with(values)
    with (
        closing(KafkaPublisher(KafkaSettings(**values["stream"]["kafka"]))) as publisher,
        closing(Store.open(url)) as store,
    ):
        store.upgrade()
        publisher.ensure_topic(2)
        with closing(KafkaPublisher(KafkaSettings(**{**values["stream"]["kafka"], "topic": topic}))) as own:
            own.ensure_topic(2)

        def publish(messages):
            for number, message in enumerate(messages):
                publisher.publish_bytes(message, {"content-type": JSON_CONTENT_TYPE}, b"%d" % number, topic)
            publisher.flush()

        first = daemons.start()
        publish([*reports[:30], b"{"])
        wait_until(lambda: progress(store) > 0, 60, f"something is stored\n{daemons.logs()[-2000:]}")
        daemons.kill(first)
        # The last reports of before come again, as from a producer that was not sure.
        publish(reports[25:])
        second = daemons.start()
        total = 31 + len(reports[25:])
        wait_until(lambda: progress(store) == total, 60, f"all is stored\n{daemons.logs()[-2000:]}")
        assert daemons.stop(second) == 0
        with store.read() as tx:
            tasks = tx.execute(select(workflow_task.c.task, workflow_task.c.code, workflow_task.c.suggested)).all()
            suggested = tx.execute(select(workflow_snapshot.c.task_id).join(workflow_suggestion)).all()
            letters = tx.execute(select(dead_letter.c.reason, dead_letter.c.topic)).all()
    assert letters == [("bad-json", topic)]
    assert sorted(tasks) == sorted((failing(number).task, 8021, "acdc") for number in range(TASKS))
    assert len(suggested) == len(set(suggested)) == TASKS
    assert "Traceback" not in daemons.logs()
