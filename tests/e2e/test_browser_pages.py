"""The pages in a real browser: no errors, no reload needed, usable on a desk and on a phone.

Screenshots of every page at both sizes lie in pytest's temporary folder (``--basetemp`` chooses it).
"""

import pytest
from playwright.sync_api import expect

from opint.incidents.operator import acknowledge
from opint.notifications import silencing
from opint.notifications.silencing import matchers
from opint.store.heartbeats import Heartbeat, beat
from opint.store.tables import lumisection
from tests.e2e.browsing import DESK, Clock, fits, settled, violations
from tests.serving import served

PAGES = {
    "overview": "/",
    "incidents": "/incidents",
    "shift": "/shift",
    "incident-1d": "/incidents/3",
    "incident-2d": "/incidents/2",
    "runs": "/runs",
    "run": "/runs/379415?subsystem=Muon&ls=50",
    "certificate": "/runs/379415/certificate",
    "system": "/system",
    "silences": "/silences?subsystem=Mu*",
    "notifications": "/notifications",
    "models": "/models",
    "unknown": "/nothing",
}
pytestmark = pytest.mark.browser


@pytest.fixture
def clock(seed):
    return Clock(seed.now_s())


@pytest.fixture
def store(seeded_store):
    return seeded_store


@pytest.fixture
def url(store, clock):
    with served(store, clock) as address:
        yield address


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_at_both_sizes(page, url, tmp_path, scheme):
    page.expected = ["404"]
    fits(page, url, PAGES, scheme, tmp_path)


def test_an_incident_appears_is_opened_acknowledged_and_resolved(page, url, store, seed, clock):
    page.goto(url)
    settled(page)
    page.evaluate("window.notReloaded = true")
    title = "Pixel/Barrel/Layer2: noisy channels in 3 of 3 monitoring elements"
    with store.begin() as tx:
        seed.raise_incident(tx, 7, title=title, opened_s=clock(), updated_s=clock())
    page.get_by_role("link", name=title).first.wait_for(timeout=5000)
    page.get_by_role("heading", name="2 open incidents").wait_for()
    assert page.title().startswith("(2)")
    assert page.evaluate("window.notReloaded")

    page.get_by_role("link", name=title).first.click()
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("Comment").fill("Looking into it.")
    page.get_by_role("button", name="Acknowledge").click()
    page.locator("#head .state.acknowledged").wait_for()
    assert page.locator("#audit").get_by_text("Looking into it.").count() == 1
    assert page.get_by_label("Your name").input_value() == "Ada"
    page.get_by_role("button", name="Resolve").click()
    page.locator("#head .state.resolved").wait_for()
    page.goto(url)
    page.get_by_role("heading", name="1 open incident").wait_for()
    assert page.locator("#resolved").get_by_text(title).count() == 1


def test_enter_in_a_comment_comments(page, url):
    page.goto(url + "/incidents/3")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("Comment").fill("Looking into it.")
    page.keyboard.press("Enter")
    page.locator("#audit").get_by_text("Looking into it.").wait_for()
    assert page.locator("#audit tbody tr").count() == 2
    assert page.locator("#head .state.open").count() == 1


def test_an_incident_resolved_too_early_is_reopened(page, url):
    page.goto(url + "/incidents/3")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Resolve").click()
    page.get_by_role("button", name="Reopen").click()
    page.locator("#head .state.open").wait_for()


def test_what_another_person_does_changes_the_buttons_and_keeps_my_words(page, url, store, clock):
    page.goto(url + "/incidents/3")
    settled(page)
    page.get_by_label("Comment").fill("I am writ")
    with store.begin() as tx:
        acknowledge(tx, 3, "Ben", "", clock())
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0, timeout=10_000)
    assert page.get_by_label("Comment").input_value() == "I am writ"


def test_hovering_tells_the_bin_under_the_pointer(page, url):
    page.goto(url + "/incidents/3")
    settled(page)
    plot = page.locator("#plot .u-over").first
    for share in (0.402, 0.407, 0.41, 0.993):
        box = plot.bounding_box()
        page.mouse.move(box["x"] + share * box["width"], box["y"] + 40)
        first = page.locator("#plot .u-legend .u-value").first
        low, _, high = first.inner_text().partition(" to ")
        assert float(low) <= 200 * share <= float(high)


@pytest.mark.parametrize(("path", "expected"), [("/incidents/3", []), ("/incidents/2", ["echarts.min.js"])])
def test_the_library_that_draws_maps_comes_with_maps_alone(page, url, path, expected):
    fetched = []
    page.on("request", lambda request: fetched.append(request.url.rpartition("/")[2]))
    page.goto(url + path)
    page.locator("#plot canvas").first.wait_for()
    assert [name for name in fetched if name.startswith("echarts")] == expected


def test_times_grow_old_without_the_server(page, store, clock):
    page.expected = ["net::ERR"]
    with served(store, clock) as address:
        page.goto(address)
        settled(page)
        first = page.locator("#facts time.ago").last
        before = int(first.inner_text().split()[0])
    page.wait_for_timeout(3000)
    assert int(first.inner_text().split()[0]) >= before + 2


def test_a_false_alarm_gives_luminosity_back(page, url):
    page.goto(url + "/runs/379415/certificate")
    settled(page)
    page.get_by_text("20 of 62 LS").wait_for()
    page.get_by_role("row", name="22–40").get_by_role("link", name="2", exact=True).click()
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="False alarm").click()
    page.locator("#head").get_by_text("✕ false alarm").wait_for()
    assert page.get_by_role("button", name="False alarm").count() == 0
    page.goto(url + "/runs/379415/certificate")
    page.get_by_text("39 of 62 LS").wait_for()


def test_once_named_an_operator_acknowledges_from_the_overview(page, url, seed):
    page.goto(url + "/incidents/2")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("Comment").fill("hello")
    page.get_by_role("button", name="Comment").click()
    page.locator("#audit").get_by_text("hello").wait_for()
    page.goto(url)
    page.get_by_role("button", name="Acknowledge").click()
    page.get_by_role("heading", name="No open incidents").wait_for()


def test_lumisections_arrive_without_a_reload(page, url, store, seed, clock):
    page.goto(url)
    settled(page)
    cells = page.locator(".strip td a")
    before = cells.count()
    with store.begin() as tx:
        seed.one_more(tx, 379415, 63, clock())
    expect(cells).to_have_count(before + 4, timeout=10_000)


def test_silence_raises_the_banner_and_news_lower_it(page, url, store, clock):
    page.goto(url)
    settled(page)
    banner = page.locator("#stale")
    assert not banner.is_visible()
    clock.turn(3600)
    banner.get_by_text("No heartbeat from any daemon").wait_for(timeout=10_000)
    with store.begin() as tx:
        beat(tx, Heartbeat("cr01:4711:1712799000", clock() - 9, clock(), "running"))
    banner.wait_for(state="hidden", timeout=10_000)


def test_the_banner_needs_no_server(page, store, clock):
    page.expected = ["net::ERR"]
    with store.begin() as tx:
        beat(tx, Heartbeat("cr01:4711:1712799000", clock(), clock() + 1000, "running"))
    with served(store, clock, stale_after_s=3.0) as address:
        page.goto(address)
        settled(page)
        assert not page.locator("#stale").is_visible()
    page.locator("#stale").get_by_text("No contact with the dashboard's server").wait_for(timeout=10_000)
    assert page.locator("#live").inner_text() == "reconnecting"


def test_the_map_by_keyboard_leads_to_evidence(page, url):
    page.goto(url + "/runs/379415?subsystem=Muon")
    settled(page)
    page.locator("#map").focus()
    page.keyboard.press("ArrowRight")
    page.locator("#readout").get_by_text("LS 62 · ✕ bad").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator("#evidence-why").get_by_text("10 of 100 bins are empty").wait_for()
    page.locator("#evidence canvas").first.wait_for()


def test_the_map_filters(page, url):
    page.goto(url + "/runs/379415?subsystem=Pixel")
    settled(page)
    page.get_by_text("No monitoring element had a problem.").wait_for()
    page.get_by_label("only with problems").uncheck()
    page.get_by_text("12 of 12 monitoring elements × 62 lumisections").wait_for()
    page.get_by_label("Name contains").fill("layer1")
    page.get_by_text("3 of 12 monitoring elements").wait_for()


def test_choosers_change_the_evidence(page, url):
    page.goto(url + "/incidents/3")
    settled(page)
    page.locator("select[name=at]").select_option("379415:50")
    page.wait_for_url("**at=379415%3A50**")
    assert "run 379415 LS 50" in page.locator(".u-title").first.inner_text()


def test_ten_windows_share_one_stream(browser, url, store, seed, clock):
    context = browser.new_context(viewport=DESK)
    pages = [context.new_page() for _ in range(10)]
    for one in pages:
        one.goto(url, timeout=10_000)
        one.wait_for_selector("#live.on", timeout=10_000)
    assert "nightshift_dashboard_streams 1.0" in context.request.get(url + "/metrics").text()
    pages[0].close()
    with store.begin() as tx:
        seed.raise_incident(tx, 7, opened_s=clock(), updated_s=clock())
    for one in pages[1:]:
        one.get_by_role("heading", name="2 open incidents").wait_for(timeout=10_000)
    context.close()


@pytest.mark.parametrize("number", [2, 3])
def test_counts_are_shown_on_a_logarithmic_scale_when_asked_and_after_a_reload(page, url, number):
    page.goto(url + f"/incidents/{number}")
    settled(page)
    plot = page.locator("#plot canvas").first
    linear = plot.screenshot()
    page.get_by_label("counts on a logarithmic scale").check()
    settled(page)
    assert plot.screenshot() != linear
    page.reload()
    settled(page)
    assert page.get_by_label("counts on a logarithmic scale").is_checked()


def test_a_run_without_conditions_says_so_and_draws_no_axes(page, url, store):
    with store.begin() as tx:
        tx.execute(lumisection.update().values(conditions={}))
    page.goto(url + "/runs/379415?subsystem=Muon")
    settled(page)
    page.get_by_text("Neither pileup nor luminosity came").wait_for()
    assert page.locator("#conditions canvas").count() == 0
    assert page.locator("#map canvas").count() == 1


def test_links_in_text_are_underlined(page, url):
    page.goto(url + "/incidents/3")
    lines = page.locator("#head dd a").evaluate_all("all => all.map((one) => getComputedStyle(one).textDecorationLine)")
    assert lines == ["underline"] * len(lines)
    assert lines


def test_a_page_opens_where_its_form_was_sent(page, url):
    page.set_viewport_size({"width": 390, "height": 500})
    page.goto(url + "/incidents/3")
    settled(page)
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("Comment").fill("hello")
    page.get_by_role("button", name="Comment").scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    assert before > 0
    page.get_by_role("button", name="Comment").click()
    page.locator("#audit").get_by_text("hello").wait_for()
    page.wait_for_function(f"Math.abs(scrollY - {before}) < 5")


def test_the_keyboard_alone_finds_and_takes_an_incident(page, url):
    page.goto(url)
    settled(page)
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keys").wait_for()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.get_by_role("heading", name="Incidents").wait_for()
    settled(page)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Muon/Wheel-1/Sector05").wait_for()
    settled(page)
    page.locator("#act").get_by_label("Your name").fill("Ada")
    page.locator("h1").click()
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    page.locator("#head .state.acknowledged").wait_for()
    page.goto(url + "/incidents?mine=true")
    expect(page.locator("#list tbody tr")).to_have_count(2)


def test_keys_can_be_turned_off(page, url):
    page.goto(url)
    settled(page)
    page.keyboard.press("?")
    page.get_by_label("Keys are on in this browser").uncheck()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_timeout(300)
    assert page.url.rstrip("/") == url


def test_a_browser_rings_for_what_calls_once_somebody_has_asked_for_it(page, url, store, seed, clock):
    page.add_init_script(
        "window.rung = []; window.Notification = class { static permission = 'granted';"
        " static async requestPermission() {} constructor(title) { window.rung.push(title); } };"
    )
    page.goto(url)
    settled(page)
    with store.begin() as tx:
        seed.raise_incident(tx, 7, title="nobody asked", opened_s=clock(), updated_s=clock())
    page.get_by_role("link", name="nobody asked").first.wait_for(timeout=5000)
    page.get_by_label("Ring here when an incident opens").check()
    page.wait_for_timeout(500)
    with store.begin() as tx:
        silencing.add(tx, matchers({"subsystem": "Quiet"}), "ada", "works", clock(), clock() + 600)
        seed.raise_incident(tx, 8, subsystem="Quiet", title="silenced", opened_s=clock(), updated_s=clock())
        seed.raise_incident(tx, 9, title="rings", opened_s=clock(), updated_s=clock())
    page.get_by_role("link", name="rings").first.wait_for(timeout=5000)
    page.wait_for_timeout(1500)
    assert page.evaluate("window.rung") == ["rings"]


def test_a_silence_is_made_from_an_incident_with_its_preview(page, url):
    page.goto(f"{url}/incidents/3")
    settled(page)
    page.get_by_role("link", name="silence it").click()
    expect(page.locator("#preview")).to_contain_text("Would hide 1 incident now")
    page.get_by_label("Reason").fill("works on the crate")
    page.locator("#new").get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Silence").click()
    expect(page.locator("#silences")).to_contain_text("works on the crate")
    assert "csrf" not in page.url
    page.goto(f"{url}/incidents/3")
    expect(page.locator("#head")).to_contain_text("Silenced: silence 1 hides it")
