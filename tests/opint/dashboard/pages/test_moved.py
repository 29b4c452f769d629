"""A run that moved as a whole: judged by the daemon's own ingest, shown as one incident, accepted on its page."""

import numpy as np

from conf.settings import Settings
from dqm.histograms.pipeline import Pipeline
from dqm.histograms.train import train
from opint.lumisections.ingest import Arrival, LumisectionIngest
from opint.lumisections.references import RunReferences
from streams.source import Message, Partition
from tests.support.whole_runs import whole_run

FOLDERS = 5
PLACE = Partition("cluster", "dqm.histograms", 0)


def judge(store, bundle, runs):
    settings = Settings()
    pipeline = Pipeline(bundle, settings.dqm, settings.alerts)
    chooser = RunReferences(store, "histograms", pipeline, lambda: 10.0)
    ingest = LumisectionIngest(store, pipeline, settings, "me", lambda: 10.0)
    ingest.claim([PLACE])
    messages = [Message(PLACE, batch.key.run, batch, {}, 9.0, "") for batch in runs]
    for part, batches in chooser.parts(messages, [message.value for message in messages]):
        ingest.apply([Arrival(*arrival) for arrival in zip(part, pipeline.score(batches), strict=True)])


def test_it_is_one_incident_with_its_folders_and_accepted_for_all_of_them(empty_store, serving, tmp_path):
    learned = [whole_run(number, folders=FOLDERS) for number in range(1, 25)]
    rng = np.random.default_rng(1)
    bundle = train(learned, tmp_path / "whole", Settings().dqm, rng, lambda *_: None)
    changed = [whole_run(number, shift=0.6, dead=True, folders=FOLDERS) for number in range(100, 104)]
    judge(empty_store, bundle, changed)
    client = serving(empty_store, lambda: 20.0)
    (shown,) = client.get("/api/v1/incidents").json()["items"]
    assert (shown["family"], shown["element_group"]) == ("moved", "")
    page = client.get(f"/incidents/{shown['id']}").text
    assert "Muon moved as a whole" in page
    assert "In 5 folders: " in page
    assert "Muon/Sector0, Muon/Sector1, Muon/Sector2, Muon/Sector3, Muon/Sector4" in page
    assert "Moved, and stable since" in page
    assert "Accept as new reference" in page
    token = client.get("/api/v1/session").json()["csrf_token"]
    body = {"actor": "Ada", "text": "New high voltage."}
    address = f"/api/v1/incidents/{shown['id']}/accept"
    accepted = client.post(address, json=body, headers={"X-CSRF-Token": token}).json()
    assert (accepted["state"], len(accepted["acceptance"]["elements"])) == ("resolved", FOLDERS)
