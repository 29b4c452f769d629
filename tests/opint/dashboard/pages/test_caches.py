"""The page of caches: what is suggested, what people decide, and what XCache is given of it."""

from dataclasses import replace

import fastjsonschema
import pytest

pytest.importorskip("numba")

from opint.placement.storage import store_agent_lines, store_plan
from opint.store import placement
from tests.support import suggestions as seed
from tests.support.placement import LINES, PLAN


@pytest.fixture
def page(serving, store):
    seed.fill(store)
    return serving(store, seed.now_s)


def decide(client, number, ruling, **fields):
    rule = seed.SUGGESTIONS[number]
    token = client.get("/api/v1/session").json()["csrf_token"]
    body = {"kind": rule.kind, "target": rule.target, "actor": "Ada"} | fields
    return client.post(f"/api/v1/caches/suggestions/{ruling}", json=body, headers={"X-CSRF-Token": token})


def quotas(text):
    """What XrdPfcPurgeQuota makes of a file: the first two words of each line that is no comment."""
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return {words[0]: int(words[1]) for words in lines}


def test_the_page_shows_days_trials_and_curves(page):
    text = page.get("/caches").text
    for word in (
        "10 TiB",
        "of bytes, last",
        "quota 25.0 %",
        "✓ active",
        "◐ on trial",
        "✕ withdrawn",
        "Belady knows",
        "6.5 h</strong> of waiting",
        "256 GiB fetched in vain",
    ):
        assert word in text
    assert "&lt;b&gt;GEN&lt;/b&gt;" in text
    assert "quota.cfg" not in text, "nothing is accepted yet"
    days = page.get("/api/v1/caches/days", params={"limit": 3}).json()
    assert len(days) == 3
    assert all(0 < day["missed_bytes"] <= day["read_bytes"] for day in days)


def test_without_a_cache_the_page_says_how_to_begin(serving, empty_store):
    client = serving(empty_store, seed.now_s)
    assert "nightshift cache suggest" in client.get("/caches").text
    assert client.get("/api/v1/caches").json() == []
    assert client.get("/caches/quota.cfg").status_code == 404


def test_accepted_quotas_are_what_xcache_reads_and_the_rest_is_refused_with_a_reason(page):
    for number in (0, 1, 2, 3, 4, 6):
        assert decide(page, number, "accepted").status_code == 204
    answer = page.get("/caches/quota.cfg", params={"cache": "rome"})
    assert answer.headers["content-disposition"] == 'attachment; filename="quota.cfg"'
    assert quotas(answer.text) == {seed.MINI + "/": seed.CAPACITY // 4}
    text = page.get("/caches").text
    for reason in (
        "a quota only purges what was stored: blacklist.cfg refuses it",
        "XRootD&#39;s parser would not read this path as one word",
        "it is for a tier, and XCache knows directories alone",
        "the line of the placement plan copies the dataset to disk",
        "a quota only purges and cannot fetch",
    ):
        assert reason in text
    patterns = page.get("/caches/blacklist.cfg").text.splitlines()[1:]
    assert patterns[:2] == [f"{seed.RAW}/*", f"{seed.RAW}/*/*"]


def test_a_file_that_would_be_empty_is_refused_with_the_reasons(page):
    assert page.get("/caches/quota.cfg").status_code == 409
    decide(page, 3, "accepted")
    answer = page.get("/caches/quota.cfg")
    assert answer.status_code == 409
    assert "XCache knows directories alone" in answer.text


def test_decisions_are_kept_and_shown(page):
    assert decide(page, 0, "rejected").status_code == 422, "a reason is needed"
    assert decide(page, 0, "rejected", reason="reprocessing begins on Monday").status_code == 204
    assert decide(page, 0, "accepted", target="/no/such").status_code == 404
    assert page.post("/caches/suggestions/accepted", data={"actor": "Ada"}).status_code == 403
    assert "reprocessing begins on Monday" in page.get("/caches").text
    newest = page.get("/api/v1/caches/history").json()[0]
    assert (newest["event"], newest["actor"], newest["target"]) == ("rejected", "Ada", seed.RAW)


def test_what_the_agent_would_pin_is_a_line_of_the_plan_with_a_rule(page, store):
    store_plan(store, "datasets", PLAN, seed.now_s())
    store_agent_lines(store, "datasets", "rome", "T2_IT_Rome", seed.SUGGESTIONS, seed.TO_FETCH, seed.now_s())
    items = page.get("/api/v1/placement/lines").json()["items"]
    line = next(item for item in items if item["source"] == "cache agent")
    assert (line["dataset"], line["rse"], line["cache"]) == (seed.DATASET, "T2_IT_Rome", "rome")
    assert line["benefit"] == pytest.approx(7 * 1e11 / (2e12 / 1000)), "file reads a week"
    assert "cache agent" in page.get("/placement").text
    token = page.get("/api/v1/session").json()["csrf_token"]
    accept = f"/api/v1/placement/{line['line']}/accepted"
    assert page.post(accept, json={"actor": "Ada"}, headers={"X-CSRF-Token": token}).status_code == 204
    (rule,) = page.get("/api/v1/placement/rules").json()
    assert rule["body"]["dids"] == [{"scope": "cms", "name": seed.DATASET}]
    # A plan that is made again keeps the line; a trial that turns takes it back, accepted or not.
    store_plan(store, "datasets", PLAN, seed.now_s() + 1)
    assert len(page.get("/api/v1/placement/rules").json()) == 1
    with store.begin() as tx:
        placement.withdraw_agent_line(tx, "rome", seed.DATASET, "LRU served 1 GiB more")
    assert page.get("/api/v1/placement/rules").json() == []
    left_out = page.get("/api/v1/placement/lines", params={"which": "left-out"}).json()["items"]
    assert (left_out[-1]["refused"], left_out[-1]["reason"]) == ("withdrawn by its trial", "LRU served 1 GiB more")


def test_what_an_active_prefetch_would_fetch_is_a_line_of_the_plan(page, store):
    pinned = replace(seed.TO_FETCH[0], dataset=seed.DATASET)
    store_agent_lines(store, "datasets", "rome", "T2_IT_Rome", seed.SUGGESTIONS, [*seed.TO_FETCH, pinned], seed.now_s())
    items = page.get("/api/v1/placement/lines").json()["items"]
    assert [item["dataset"] for item in items] == [seed.DATASET, seed.TO_FETCH[0].dataset], (
        "one that is pinned is there once"
    )
    line = items[1]
    assert (line["source"], line["bytes"], line["benefit"]) == ("cache agent", 400 * 10**9, 35.0)
    for part in ("50 of 200 files (93.1 GiB) are not in the cache", "save 1.6 h of waiting"):
        assert part in line["reason"]
    store_agent_lines(store, "datasets", "rome", "T2_IT_Rome", seed.SUGGESTIONS, [], seed.now_s())
    assert len(page.get("/api/v1/placement/lines").json()["items"]) == 1, "a rule that is not active drops its lines"


def test_a_line_that_the_planner_has_itself_is_there_once(page, store):
    store_plan(store, "datasets", PLAN, seed.now_s())
    same = seed.suggested(seed.RuleKind.PIN, LINES[0].dataset)
    store_agent_lines(store, "datasets", "rome", LINES[0].rse, [same], [], seed.now_s())
    assert [item["source"] for item in page.get("/api/v1/placement/lines").json()["items"]] == ["planner"] * 3
    other = seed.suggested(seed.RuleKind.PIN, "/Sample/Z-v1/AODSIM")
    store_agent_lines(store, "datasets", "rome", LINES[0].rse, [other], [], seed.now_s())
    store_agent_lines(store, "datasets", "bari", LINES[0].rse, [same, other], [], seed.now_s())
    items = page.get("/api/v1/placement/lines").json()["items"]
    assert [item["cache"] for item in items] == ["", "", "", "rome"]


def test_without_a_plan_the_lines_are_one_of_the_next_week(page, store):
    store_agent_lines(store, "datasets", "rome", "T2_IT_Rome", seed.SUGGESTIONS, seed.TO_FETCH, seed.now_s())
    (plan,) = page.get("/api/v1/placement").json()
    assert (plan["week"], plan["method"]) == ("2024-09-02", "cache agent")


def test_every_answer_is_as_openapi_says(page):
    decide(page, 0, "accepted")
    document = page.get("/openapi.json").json()
    for path in ("", "/days", "/curves", "/suggestions", "/history"):
        answer = page.get(f"/api/v1/caches{path}")
        schema = document["paths"][f"/api/v1/caches{path}"]["get"]["responses"]["200"]["content"]
        fastjsonschema.compile(schema["application/json"]["schema"] | {"components": document["components"]})(
            answer.json()
        )
