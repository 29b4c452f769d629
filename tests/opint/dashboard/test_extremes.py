"""Every row that the store can hold is shown: empty, missing and extreme values in all tables that pages read."""

import pytest
from sqlalchemy import JSON, BigInteger, Float, Integer, LargeBinary, String, Text, insert, select, update

from opint.store import hotline, placement, popularity, tables
from tests.opint.dashboard import seed_hotline, seed_rates

CHANGED = (
    tables.dead_letter,
    tables.lumisection,
    tables.ls_summary,
    tables.incident,
    tables.audit,
    tables.model_version,
    tables.heartbeat,
    tables.source_offset,
    hotline.hotline_event,
    hotline.hotline_hour,
)
ADDED = (
    tables.promotion,
    hotline.hotline_marking,
    popularity.popularity_forecast,
    popularity.popularity_score,
    popularity.popularity_model_choice,
    placement.placement_plan,
    placement.placement_line,
    placement.placement_decision,
    tables.feedback,
)
CHOSEN_FROM_A_LIST = {
    *("severity", "state", "marking", "answer", "action", "decision", "verdict", "quality", "refused", "week"),
    *("family", "subsystem", "dataset", "catalogue", "reason_names"),
}
EMPTY = {String: "", Text: "", LargeBinary: b"", JSON: {}, Float: 0.0, Integer: 0, BigInteger: 0}
MOST = {
    String: "<b>\u202e" + "x" * 500,
    Text: "💥" * 2000,
    LargeBinary: b"\0\xff" * 200,
    Float: 1e300,
    Integer: 2**31 - 1,
}
MOST |= {BigInteger: 2**53}
LEAST = {Float: -1e300, Integer: -1, BigInteger: -(2**53)}
PLACES = {"run": 379415, "ls": 41, "event_id": 1, "incident_id": 1, "horizon": 1, "week": "2024-04-08"}
CHOICES = {"marking": "known", "answer": "yes", "action": "copy", "decision": "accepted", "verdict": "true"}
PAGES = [
    *(
        "/",
        "/incidents",
        "/incidents/1",
        "/incidents/2",
        "/incidents/3",
        "/runs",
        "/runs/379415",
        "/triggers",
        "/hotline",
    ),
    *("/hotline/1", "/popularity", "/placement", "/system", "/models", "/runs/379415/certificate", "/metrics"),
    *(f"/api/v1/{name}" for name in ("deadletters", "system", "incidents", "incidents/2", "runs", "runs/379415")),
    *(f"/api/v1/{name}" for name in ("hotline", "hotline/1", "lumisections/latest", "popularity/forecasts")),
    *("/api/v1/popularity/scoreboard", "/api/v1/placement/lines"),
]


def kind(column):
    type_ = getattr(column.type, "impl", column.type)
    return next(item for item in EMPTY if type(type_) is item or type(type_).__mro__[1] is item)


def values_of(table, edge, nulls):
    """Columns that may be anything, with the edge value of their type."""
    unique = [
        *(index for index in table.indexes if index.unique),
        *(constraint for constraint in table.constraints if hasattr(constraint, "columns")),
    ]
    fixed = {column for item in unique for column in item.columns}
    free = [column for column in table.columns if column not in fixed and not column.foreign_keys]
    free = [item for item in free if item.name not in CHOSEN_FROM_A_LIST and not isinstance(item.type, tables.Boolean)]
    missing = {item.name: None for item in free if nulls and item.nullable}
    plain = [item for item in free if not isinstance(item.type, JSON) or item.name in {"lag", "manifest", "headers"}]
    values = {item.name: edge[kind(item)] for item in plain if kind(item) in edge} | missing
    # No time passes backwards.
    return {name: 0.0 if name == "live_s" and value == edge.get(Float) else value for name, value in values.items()}


@pytest.mark.parametrize(("edge", "nulls"), [(EMPTY, False), ({}, True), (MOST, False), (LEAST, False)],
                         ids=["empty", "missing", "most", "least"])  # fmt: skip
def test_all_pages_show_rows_of_extreme_values(edge, nulls, store, seed, serving):
    seed_hotline.fill(store)
    seed_rates.fill(store)
    with store.begin() as tx:
        for table in CHANGED:
            if values := values_of(table, edge, nulls):
                tx.execute(update(table).values(values))
        for table in ADDED:
            whole = {
                column.name: EMPTY[kind(column)]
                for column in table.columns
                if not isinstance(column.type, tables.Boolean)
            }
            whole |= {column.name: False for column in table.columns if isinstance(column.type, tables.Boolean)}
            named = {name: value for name, value in {**PLACES, **CHOICES}.items() if name in whole}
            tx.execute(insert(table).values({**whole, **values_of(table, edge, nulls), **named}))
    with store.read() as tx:
        assert tx.execute(select(tables.dead_letter)).all()
    client = serving(store, seed.now_s)
    failed = [
        (path, answer.status_code, answer.text[:80])
        for path in PAGES
        if (answer := client.get(path)).status_code != 200
    ]
    assert failed == []


def test_a_message_without_bytes_is_shown(store, seed, serving):
    with store.begin() as tx:
        tx.execute(update(tables.dead_letter).values(raw=b"", raw_size=0))
    client = serving(store, seed.now_s)
    assert [item["preview"] for item in client.get("/api/v1/deadletters").json()["items"]] == ["", ""]
    assert "first bytes" in client.get("/system").text
