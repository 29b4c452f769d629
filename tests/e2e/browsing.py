"""How tests look at pages: sizes of screens, a clock for the server, when a page is at rest."""

import time

DESK, PHONE = {"width": 1400, "height": 1000}, {"width": 390, "height": 844}


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
    """Photograph pages (paths by name) in a colour scheme at both sizes; none is wider than the screen."""
    page.emulate_media(color_scheme=scheme)
    for size_name, size in (("desk", DESK), ("phone", PHONE)):
        page.set_viewport_size(size)
        for name, path in paths.items():
            page.goto(url + path)
            settled(page)
            page.screenshot(path=folder / f"{name}-{size_name}-{scheme}.png", full_page=True)
            wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert wide <= 0, f"{name} is {wide} px wider than the {size_name}'s screen"
