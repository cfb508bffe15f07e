"""A real browser, as the tests of the page drive it."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, ViewportSize, async_playwright

from tools import browser
from tools.playground.site import Site

_ARGUMENTS = (
    "--no-sandbox",  # There is none in a container.
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP = ViewportSize(width=1200, height=800)
PHONE = ViewportSize(width=390, height=780)


def find_chromium() -> str:
    """Find the browser that `tools.browser` has made available."""
    found = browser.find()
    if found is None:
        pytest.fail(browser.remedy(), pytrace=False)
    return found


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab of the browser with the page in it."""

    page: Page
    site: Site

    async def open(self, query: str = "") -> None:
        """Go to the page, or reload it."""
        await self.page.goto(f"{self.site.address}/{query}")

    async def becomes(self, state: str) -> None:
        """Wait until the page shows a state of the connection."""
        await self.page.wait_for_selector(f"#state[data-state={state}]")

    async def shows(self, count: int) -> list[str]:
        """Wait until the list has as many entries, and give what each says, newest first."""
        await self.page.wait_for_function("count => document.querySelectorAll('.item').length >= count", arg=count)
        said = "row => [...row.querySelectorAll('.title, .text, code')].map(part => part.innerText).join(' ')"
        texts: list[str] = await self.page.eval_on_selector_all(".item", f"rows => rows.map({said})")
        return texts

    async def text(self, selector: str) -> str:
        """Return the text that an element shows."""
        return await self.page.inner_text(selector)

    async def announces(self, text: str) -> None:
        """Wait until the live region says something."""
        await self.page.wait_for_function(
            "text => document.querySelector('[aria-live=polite]').textContent.includes(text)", arg=text
        )

    async def press_until(self, key: str, selector: str) -> None:
        """Press a key until an element has the focus."""
        for _ in range(30):
            await self.page.keyboard.press(key)
            if await self.page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        raise AssertionError(f"{key} does not lead to {selector}")

    async def is_accessible(self) -> None:
        """Check what axe can check: contrast, names, roles, structure."""
        outcome = await Axe().run(self.page)
        assert outcome.violations_count == 0, outcome.generate_report()


@contextlib.asynccontextmanager
async def tab(
    site: Site,
    config: Mapping[str, object] | None,
    *,
    viewport: ViewportSize = DESKTOP,
    dark: bool = False,
) -> AsyncIterator[Tab]:
    """Open a browser for as long as the block lasts; a fault of the page's code fails the test.

    Parameters
    ----------
    config
        What config.json holds; None for a site that has none.
    """
    faults: list[str] = []

    async def answer(route: Any) -> None:
        await (route.fulfill(status=404) if config is None else route.fulfill(json=dict(config)))

    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=find_chromium(), args=_ARGUMENTS)
        context = await running.new_context(
            viewport=viewport, color_scheme="dark" if dark else "light", reduced_motion="reduce", locale="en-GB"
        )
        context.set_default_timeout(15_000)
        page = await context.new_page()
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        page.on("console", lambda line: faults.append(line.text) if "Content Security Policy" in line.text else None)
        await page.route("**/config.json", answer)
        try:
            yield Tab(page, site)
        finally:
            await running.close()
    assert faults == []
