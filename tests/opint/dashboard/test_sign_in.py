"""Signing in to the page over real HTTP: accounts, roles, tokens, a proxy, and what attackers try."""

import re
import statistics
import time

import httpx
import pytest

from conf.dashboard import ProxySignInSettings, SignInSettings
from opint.accounts.roles import Role
from opint.accounts.sign_in import MOST_OF_NAME_AND_ADDRESS, create_token, hash_password
from opint.store import accounts
from opint.store.accounts import NewAccount
from tests.serving import served

PASSWORD = "correct horse battery"  # noqa: S105
HASH = hash_password(PASSWORD)
NIGHT_S = 1_700_000_000.0


class Clock:
    now_s = NIGHT_S

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def crew(store):
    """The seeded store with an account of each role."""
    with store.begin() as tx:
        for role in Role:
            accounts.create(tx, NewAccount(role.label, f"Ada {role.label}", role.label, "local", role.label, HASH), 0.0)
    return store


@pytest.fixture
def address(crew, clock):
    with served(crew, clock, sign_in=SignInSettings(accounts=True)) as url:
        yield url


@pytest.fixture
def browser(address):
    with httpx.Client(base_url=address, timeout=30) as client:
        yield client


def token_of(page):
    return re.search(r'name="csrf" value="([\w-]+)"', page.text)[1]


def sign_in(client, name, password=PASSWORD, **form):
    token = token_of(client.get("/sign-in"))
    return client.post("/sign-in", data={"csrf": token, "name": name, "password": password} | form)


def act(client, action, number=3):
    token = token_of(client.get(f"/incidents/{number}"))
    return client.post(f"/incidents/{number}/{action}", data={"csrf": token, "actor": "Mallory", "text": "seen"})


def test_nobody_gets_in_without_signing_in(browser):
    page = browser.get("/incidents?state=open")
    assert (page.status_code, page.headers["location"]) == (303, "/sign-in?next=/incidents%3Fstate%3Dopen")
    for path in ("/api/v1/incidents", "/events", "/metrics", "/openapi.json"):
        refused = browser.get(path)
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer"), path
    assert browser.post("/api/v1/incidents/3/acknowledge", json={"actor": "Eve"}).status_code == 401
    assert browser.get("/healthz").status_code == 200


def test_an_account_signs_in_goes_where_it_wanted_and_out(browser, crew):
    answer = sign_in(browser, "shifter", next="/runs")
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs")
    cookie = next(value for value in answer.headers.get_list("set-cookie") if "nightshift_session" in value)
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    page = browser.get("/runs")
    assert "Ada shifter" in page.text
    session = browser.cookies["nightshift_session"]
    assert browser.post("/sign-out", data={"csrf": token_of(page)}).status_code == 303
    browser.cookies.set("nightshift_session", session)
    assert browser.get("/runs").status_code == 303
    with crew.read() as tx:
        assert [event.event for event in accounts.events(tx, 2)] == ["signed-out", "signed-in"]


def test_the_name_on_an_action_is_that_of_the_account(browser, crew):
    sign_in(browser, "shifter")
    assert "Your name" not in browser.get("/incidents/3").text
    assert act(browser, "acknowledge").status_code == 303
    assert "Ada shifter (shifter)" in browser.get("/incidents/3").text
    assert "Mallory" not in browser.get("/incidents/3").text


@pytest.mark.parametrize(
    ("role", "statuses"),
    [
        ("viewer", {"acknowledge": 403, "comment": 403, "resolve": 403}),
        ("shifter", {"acknowledge": 303, "comment": 303, "resolve": 403, "false-alarm": 403}),
        ("expert", {"acknowledge": 303, "comment": 303, "confirm": 303, "resolve": 303}),
    ],
)
def test_roles_bound_what_people_may_do(browser, role, statuses):
    sign_in(browser, role)
    assert {action: act(browser, action).status_code for action in statuses} == statuses
    assert browser.get("/accounts").status_code == 403


def test_admins_see_accounts_tokens_and_what_happened(browser, crew):
    create_token(crew, "expert", "grafana", Role.VIEWER, 30, NIGHT_S)
    sign_in(browser, "admin", "wrong password")
    sign_in(browser, "admin")
    page = browser.get("/accounts").text
    assert all(text in page for text in ("Ada viewer", "grafana", "refused", "signed-in"))


def test_a_wrong_name_and_a_wrong_password_are_told_alike_and_take_as_long(browser):
    durations = {"shifter": [], "nobody": []}
    for _ in range(2):
        for name, times in durations.items():
            begin = time.perf_counter()
            answer = sign_in(browser, name, "wrong password")
            times.append(time.perf_counter() - begin)
            assert answer.status_code == 403
            assert "The name or the password is wrong." in answer.text
    known_name_s, unknown_name_s = (statistics.median(times) for times in durations.values())
    assert known_name_s / 3 < unknown_name_s < known_name_s * 3


def test_guessing_locks_the_name_for_this_address_for_a_while(browser, clock):
    for _ in range(MOST_OF_NAME_AND_ADDRESS):
        sign_in(browser, "shifter", "wrong password")
    assert "Too many attempts" in sign_in(browser, "shifter").text
    assert sign_in(browser, "expert").status_code == 303
    browser.cookies.clear()
    clock.now_s += 1000
    assert sign_in(browser, "shifter").status_code == 303


def test_sessions_expire_and_end_with_the_account_or_its_password(browser, crew, clock):
    for end in ({"disabled_s": NIGHT_S}, {"disabled_s": None, "password_hash": HASH}, {"role": "viewer"}):
        with crew.begin() as tx:
            accounts.change(tx, "shifter", disabled_s=None)
        sign_in(browser, "shifter")
        assert browser.get("/runs").status_code == 200
        with crew.begin() as tx:
            accounts.change(tx, "shifter", **end)
        assert browser.get("/runs").status_code == 303
    sign_in(browser, "expert")
    clock.now_s += 12 * 3600 + 1
    assert browser.get("/runs").status_code == 303


def test_a_disabled_account_does_not_sign_in(browser, crew):
    with crew.begin() as tx:
        accounts.change(tx, "shifter", disabled_s=NIGHT_S)
    assert sign_in(browser, "shifter").status_code == 403


def test_a_session_planted_before_is_not_taken_over(browser):
    browser.cookies.set("nightshift_session", "planted")
    sign_in(browser, "shifter")
    sessions = {cookie.value for cookie in browser.cookies.jar if cookie.name == "nightshift_session"}
    assert len(sessions - {"planted"}) == 1


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", "/\t/e"]
)
def test_signing_in_leads_nowhere_else(browser, target):
    assert sign_in(browser, "viewer", next=target).headers["location"] == "/"


def test_a_post_from_another_site_is_refused(browser):
    token = token_of(browser.get("/sign-in"))
    form = {"csrf": token, "name": "shifter", "password": PASSWORD}
    assert browser.post("/sign-in", data=form, headers={"Origin": "http://evil.example"}).status_code == 403
    assert browser.post("/sign-in", data=form | {"csrf": "x" * 32}).status_code == 403


def test_programs_act_with_a_token_within_its_role_until_it_is_revoked(address, crew, clock):
    reader, writer = (
        create_token(crew, "expert", role.label, role, 30, NIGHT_S) for role in (Role.VIEWER, Role.SHIFTER)
    )

    def ask(token, method, path, **json):
        with httpx.Client(base_url=address, timeout=60) as client:
            return client.request(method, path, headers={"Authorization": f"Bearer {token}"}, json=json or None)

    assert ask(reader, "GET", "/api/v1/incidents").status_code == 200
    assert ask(reader, "GET", "/metrics").status_code == 200
    assert ask(reader, "POST", "/api/v1/incidents/3/acknowledge", text="x").status_code == 403
    done = ask(writer, "POST", "/api/v1/incidents/3/acknowledge", text="x")
    assert (done.status_code, done.json()["acknowledged_by"]) == (200, "Ada expert (token shifter) (expert)")
    assert ask(writer, "POST", "/api/v1/incidents/3/resolve", text="x").status_code == 403
    with crew.begin() as tx:
        number = next(token.id for token in accounts.all_tokens(tx) if token.role == "shifter")
        assert accounts.revoke(tx, number, NIGHT_S)
    assert ask(writer, "GET", "/api/v1/incidents").status_code == 401
    clock.now_s += 31 * 86_400
    assert ask(reader, "GET", "/api/v1/incidents").status_code == 401
    assert ask("nst_forged", "GET", "/api/v1/incidents").status_code == 401


@pytest.fixture
def by_proxy(store, clock):
    """Serve behind a proxy at an address; 127.0.0.1 is where these tests come from."""

    def start(trusted):
        proxy = ProxySignInSettings(
            user_header="X-User", name_header="X-Name", groups_header="X-Groups", roles="night=shifter, dqm=expert"
        )
        return served(store, clock, sign_in=SignInSettings(proxy=proxy), trusted_proxies=trusted)

    return start


def test_a_trusted_proxy_names_the_person(by_proxy, store):
    person = {"X-User": "ada", "X-Name": "Ada Lovelace", "X-Groups": "night, dqm, poets"}
    with by_proxy("127.0.0.1") as url, httpx.Client(base_url=url, headers=person, timeout=60) as client:
        assert "Ada Lovelace" in client.get("/runs").text
        assert client.get("/runs", headers={"X-Groups": "poets"}).status_code == 403
        assert act(client, "acknowledge").status_code == 303
        with store.begin() as tx:
            assert accounts.of_name(tx, "ada").role == "expert"
            accounts.change(tx, "ada", disabled_s=1.0)
        assert client.get("/runs").status_code == 403


def test_the_header_is_believed_from_nobody_else(by_proxy, store):
    with by_proxy("10.1.2.3") as url, httpx.Client(base_url=url, headers={"X-User": "ada"}, timeout=60) as client:
        assert client.get("/runs").status_code == 303
        # Neither does it help to claim to come from there.
        assert client.get("/runs", headers={"X-Forwarded-For": "10.1.2.3"}).status_code == 303
    with store.read() as tx:
        assert accounts.all_accounts(tx) == []


def test_a_proxy_cannot_take_a_name_that_has_a_password(by_proxy, crew):
    with by_proxy("127.0.0.1") as url, httpx.Client(base_url=url, timeout=60) as client:
        refused = client.get("/runs", headers={"X-User": "admin", "X-Groups": "night"})
        assert refused.status_code == 403
        assert "belongs to another account" in refused.text
