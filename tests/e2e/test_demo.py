"""``nightshift demo`` as a newcomer uses it: one command, a browser, Ctrl-C."""

import os
import re
import signal
import subprocess
import sys
import time

import httpx
import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def start(tmp_path):
    """Starts a demo in a session of its own; the process, and the file that it writes to."""
    started = []

    def _start():
        output = tmp_path / f"demo-{len(started)}.out"
        command = [sys.executable, "-m", "opint.cli", "demo", "--folder", str(tmp_path / "demo")]
        with output.open("wb") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        started.append(process)
        return process, output

    yield _start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def address_in(output, process, timeout_s):
    """The address that the demo prints."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and process.poll() is None:
        if result := re.search(r"http://127\.0\.0\.1:\d+", output.read_text(errors="replace")):
            return result.group(0)
        time.sleep(0.2)
    pytest.fail(f"no address was printed: {output.read_text(errors='replace')[-2000:]}")


def members(session):
    """Processes of a session."""
    rows = subprocess.run(["ps", "-eo", "sess=,args="], capture_output=True, text=True, check=True).stdout.splitlines()
    return [row for row in rows if row.split(None, 1)[0] == str(session)]


@pytest.mark.timeout(400)
def test_an_injected_fault_appears_is_opened_and_acknowledged(start, browser, tmp_path):
    process, output = start()
    address = address_in(output, process, timeout_s=240)
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    page.goto(address)
    page.evaluate("window.never_reloaded = true")
    first = page.locator("#incidents a[href^='/incidents/']").first
    expect(first).to_be_visible(timeout=120_000)
    assert page.evaluate("window.never_reloaded")
    page.screenshot(path=tmp_path / "overview.png", full_page=True)

    # The list is redrawn as lumisections come, and a title grows with its incident; number and place stay.
    href, place = first.get_attribute("href"), first.inner_text().partition(":")[0]
    page.locator(f"#incidents a[href='{href}']").first.click()
    expect(page.locator("h1")).to_contain_text(place)
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_text("acknowledged").first).to_be_visible()
    expect(page.locator("body")).to_contain_text("Ada")
    page.screenshot(path=tmp_path / "incident.png", full_page=True)
    page.goto(address + "/workflows")
    expect(page.locator("main a[href^='/workflows/']").first).to_be_visible(timeout=60_000)
    expect(page.locator("main")).to_contain_text("mulated")
    page.close()
    assert errors == []

    environ = os.environ | {"NIGHTSHIFT_CONFIG": str(tmp_path / "demo" / "nightshift.yaml")}
    command = [sys.executable, "-m", "opint.cli", "incidents", "list", "--state", "acknowledged"]
    listed = subprocess.run(command, env=environ, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert place.split()[0] in listed, "commands work beside it with the settings that it names"

    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=20) == 0
    assert members(process.pid) == []
    logs = [output, *(tmp_path / "demo").glob("*.log")]
    assert len(logs) == 8
    for log in logs:
        assert "Traceback" not in log.read_text(errors="replace"), log

    process, output = start()
    address = address_in(output, process, timeout_s=60)
    assert "Ada" in httpx.get(address + href).text, "what people said outlives a restart"
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=20) == 0
