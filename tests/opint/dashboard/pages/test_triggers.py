"""The page of trigger rates without a browser, its API, and what both are made of."""

import re
from dataclasses import replace
from html import unescape
from itertools import pairwise
from urllib.parse import parse_qs

import fastjsonschema
import numpy as np
import pytest

from dqm.core.quality import Reason
from dqm.core.state import Bands
from opint.store import tables, trigger_rates
from opint.store.engine import Store
from opint.triggers import summary
from tests.opint.dashboard import seed_rates
from tests.opint.dashboard.seed_rates import ALONE, CHANGE_LS, CULPRIT, DATASET, GONE, RUN

WHERE = {"run": RUN, "dataset": DATASET}
SEED = f"{CULPRIT}/{CULPRIT}"


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('rates') / 'n.db'}")
    seed_rates.fill(store)
    yield store
    store.close()


@pytest.fixture(scope="module")
def run_rates(filled):
    with filled.read() as tx:
        return trigger_rates.run_rates(tx, DATASET, RUN)


@pytest.fixture
def client(serving, filled):
    return serving(filled, lambda: seed_rates.now_s(seed_rates.site()))


def test_the_page_names_every_cause_once(client):
    page = client.get("/triggers").text
    causes = page[page.index('id="causes"') : page.index('id="trigger"')]
    assert causes.count("<tr>") - 1 == 3
    for text in (f"{CULPRIT} and its paths", "+35 %", "LS 70 to 95", ALONE, "LS 30 to 50", f"{GONE} not published"):
        assert text in causes
    assert "emulated over real conditions" in page
    assert f'data-element="{SEED}"' in page, "the culprit is what is shown first"


def test_a_rate_of_next_to_nothing_is_not_the_worst(run_rates):
    """0.002 Hz given its seed, 0.04 Hz by the curve: in a lumisection that is no event where one was expected."""
    row = run_rates.elements.index(SEED)
    tiny = run_rates.bands.as_array().copy()
    tiny[:, row] = np.array([0.002, 0.002, 0.0, 0.004, 0.04, 1.0, np.nan])[:, None]
    reasons = run_rates.reasons.copy()
    reasons[row] = Reason.SEED_MOVED

    pulls = replace(run_rates, bands=Bands.from_array(tiny), reasons=reasons).pulls

    assert np.abs(pulls[row]).max() < 3


def test_a_page_left_open_over_a_run_change_goes_on_showing_its_run(serving, tmp_path):
    store = Store.open(f"sqlite:///{tmp_path / 'n.db'}")
    seed_rates.fill(store)
    client = serving(store, lambda: seed_rates.now_s(seed_rates.site()))
    refresh = unescape(re.search(r'hx-get="([^"]*)"', client.get("/triggers").text).group(1))
    with store.begin() as tx:
        for table in (tables.lumisection, tables.ls_score, tables.ls_summary):
            row = {**tx.execute(table.select().where(table.c.run == RUN)).mappings().first()}
            tx.execute(table.insert().values(row | {"run": RUN + 1}))
    assert f'data-run="{RUN + 1}"' in client.get("/triggers").text
    assert f'data-run="{RUN}"' in client.get(refresh).text
    store.close()


def test_the_worst_rates_stand_in_a_table(client):
    page = client.get("/triggers").text
    worst = page[page.index('id="worst"') :]
    assert worst.index(CULPRIT) < worst.index(ALONE) < worst.index("consistent")
    assert "Hz" in worst


def test_an_incident_leads_to_its_rate_and_back(client):
    raised = client.get("/api/v1/incidents").json()["items"]
    number = next(incident["id"] for incident in raised if incident["family"] == "seed")
    page = client.get(f"/incidents/{number}").text
    link = re.search(r'href="(/triggers\?[^"]*)"', page).group(1)
    assert parse_qs(unescape(link).partition("?")[2]) == {
        "run": [str(RUN)], "dataset": [DATASET], "element": [SEED], "ls": ["95"]
    }  # fmt: skip
    shown = client.get("/triggers", params={**WHERE, "element": f"L1_DoubleEG25/{ALONE}", "ls": 40})
    assert f'data-element="L1_DoubleEG25/{ALONE}" data-ls="40"' in shown.text
    assert f"/incidents/{number}" in shown.text


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/triggers", {"run": 5}),
        ("/api/v1/triggers/map", {"run": 5, "dataset": DATASET}),
        ("/api/v1/triggers/rate", {**WHERE, "element": "L1_Nothing/L1_Nothing"}),
    ],
)
def test_what_is_not_there_is_said(client, path, params):
    assert client.get(path, params=params).status_code == 404


def test_without_rates_the_page_says_what_to_do(serving, empty_store):
    page = serving(empty_store, lambda: 0.0).get("/triggers").text
    assert "nightshift train rates" in page


def test_the_map_has_a_letter_for_each_cell(client, run_rates):
    answer = client.get("/api/v1/triggers/map", params=WHERE).json()
    row = answer["elements"].index(SEED)
    assert answer["groups"][row] == row
    assert answer["elements"][row + 1].startswith(CULPRIT)
    states = [answer["reason_names"][item] for item in answer["states"][row]]
    assert states == [Reason(int(reason)).name for reason in run_rates.reasons[row]]
    at = answer["lumisections"].index(80)
    assert answer["pulls"][row][at] == "y"
    near = [(ord(item) - ord("m")) / 2 for item in answer["pulls"][row][:60]]
    assert np.abs(np.array(near) - run_rates.pulls[row, :60]).max() <= 0.25 + 1e-6
    gone = answer["elements"].index(f"L1_HTT360/{GONE}")
    assert answer["pulls"][gone][-1] == "-"


def test_a_rate_comes_with_all_that_its_plots_need(client):
    answer = client.get("/api/v1/triggers/rate", params={**WHERE, "element": SEED}).json()
    at = answer["lumisections"].index(80)
    assert answer["observed"][at] > answer["high"][at] > answer["expected"][at] > answer["low"][at]
    assert answer["alarm"][at]
    assert answer["live"][at] == pytest.approx(0.95)
    index_by_ls = list(zip(answer["lumisections"], answer["prescale_index"], strict=True))
    changed = [ls for (_, before), (ls, index) in pairwise(index_by_ls) if index != before]
    assert changed == [CHANGE_LS]


def test_answers_are_as_openapi_says(client):
    document = client.get("/openapi.json").json()
    for name, more in (("map", {}), ("rate", {"element": SEED}), ("causes", {})):
        path = f"/api/v1/triggers/{name}"
        schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        check = fastjsonschema.compile(schema | {"components": document["components"]})
        check(client.get(path, params=WHERE | more).json())


def test_the_api_lists_the_causes(client):
    listed = client.get("/api/v1/triggers/causes", params=WHERE).json()
    assert [(item["element"], item["elements"], item["lumisections"]) for item in listed] == [
        (SEED, 9, 26),
        (f"L1_DoubleEG25/{ALONE}", 1, 21),
        (f"L1_HTT360/{GONE}", 1, 11),
    ]


def test_rates_that_move_with_their_seed_show_in_the_map(run_rates):
    """What is expected given the seed moves with it: the curve in pileup does not."""
    row, column = run_rates.elements.index(SEED), run_rates.lumisections.index(80)
    rows = run_rates.bands.as_array()
    rows[1:4, row, column] += run_rates.bands.observed[row, column] - run_rates.bands.expected[row, column]
    followed = replace(run_rates, bands=Bands.from_array(rows))
    assert followed.pulls[row, column] > 2.576
    calm = replace(followed, reasons=np.full_like(run_rates.reasons, Reason.CONSISTENT))
    assert calm.pulls[row, column] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(
    ("dataset", "era", "wording"),
    [
        ("/Simulated/Trigger-v1/RATES", "Run2024E", "emulated over real conditions"),
        ("/Simulated/Trigger-v1/RATES", "Simulated", "emulated over generated conditions"),
        ("/HLTRates/Emulated-v2/RATES", None, "emulated over real conditions"),
        ("/HLTRates/Run2024E-v2/RATES", "Run2024E", ""),
    ],
)
def test_emulated_rates_are_called_so(run_rates, dataset, era, wording):
    sentence = summary.emulated_notice(replace(run_rates, dataset=dataset, conditions=[{"era": era}]))
    assert wording in sentence
    assert bool(sentence) == bool(wording)
