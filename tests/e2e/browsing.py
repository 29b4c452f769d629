"""How tests look at pages: sizes of screens, a clock for the server, when a page is at rest."""

import json
import time
from importlib.resources import files

DESK, PHONE = {"width": 1400, "height": 1000}, {"width": 390, "height": 844}
AXE = files("axe_playwright_python") / "axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


class Clock:
    """Real time that goes on from the seeded store's present, and can be turned."""

    def __init__(self, now_s):
        self._shift = now_s - time.time()

    def turn(self, seconds):
        self._shift += seconds

    def __call__(self):
        return time.time() + self._shift


def settled(page):
    """The stream is open and plots are drawn."""
    page.wait_for_selector("#live.on")
    page.wait_for_timeout(300)


def fits(page, url, paths, scheme, folder):
    """Photograph pages (paths by name) in a colour scheme at both sizes; none is wider than the screen.

    axe-core finds nothing on any that WCAG 2.2 asks for at levels A and AA.
    """
    broken = set()
    page.emulate_media(color_scheme=scheme)
    for size_name, size in (("desk", DESK), ("phone", PHONE)):
        page.set_viewport_size(size)
        for name, path in paths.items():
            page.goto(url + path)
            settled(page)
            page.screenshot(path=folder / f"{name}-{size_name}-{scheme}.png", full_page=True)
            wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert wide <= 0, f"{name} is {wide} px wider than the {size_name}'s screen"
            broken |= {(name, *violation) for violation in violations(page)}
    assert not broken, "\n".join(map(str, sorted(broken)))


def violations(page):
    """What axe-core finds: the rule, and the elements that break it.

    Cells of a strip are as wide as a lumisection; a list on the same page leads to each, as WCAG 2.5.8 allows.
    """
    page.evaluate(AXE.read_text())
    options = json.dumps({"runOnly": {"type": "tag", "values": WCAG}})
    outcome = page.evaluate(f"axe.run({{ exclude: ['.strip td a'] }}, {options})")
    return [(fault["id"], node["html"][:200]) for fault in outcome["violations"] for node in fault["nodes"]]
