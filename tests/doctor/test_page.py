"""The report's page, in a real browser."""

from __future__ import annotations

import os
import shutil
import warnings

import pytest

import flambeau as torch
from flambeau import nn

NEEDED = os.environ.get("FLAMBEAU_NEEDS_BROWSER", "") not in ("", "0")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
DRIVER = shutil.which("chromedriver")


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 6)
        self.norm = nn.LayerNorm(6)

    def forward(self, x):
        return torch.relu(self.norm(self.fc(x)))


class Net(nn.Module):
    """The name of one of its parameters would end a script."""

    def __init__(self) -> None:
        super().__init__()
        self.block = Block()
        self.head = nn.Linear(6, 2)
        self.unused = nn.Parameter(torch.ones(3))
        self.register_parameter("</script>", nn.Parameter(torch.ones(1)))

    def forward(self, x):
        return self.head(self.block(x))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    torch.manual_seed(0)
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    x = torch.randn(5, 4)

    def step():
        optimizer.zero_grad()
        net(x).square().mean().backward()
        optimizer.step()

    path = tmp_path_factory.mktemp("page") / "report.html"
    torch.doctor(net, optimizer, step, steps=3, print=False).to_html(path)
    return path


@pytest.fixture(scope="module")
def browser(page):
    if (BROWSER is None or DRIVER is None) and not NEEDED:
        pytest.skip("there is no chromium with its driver here")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
        driver.get(page.as_uri())
        yield driver
        driver.quit()


def cells(browser, column: int) -> list[str]:
    found = browser.find_elements(
        "css selector", f"#parameter-table tbody tr td:nth-child({column})"
    )
    return [cell.text for cell in found]


def test_it_needs_nothing_else(page) -> None:
    text = page.read_text()
    assert "src=" not in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert text.count("</script>") == 1


def test_the_tree_is_shown(browser) -> None:
    paths = [
        e.get_attribute("data-path") for e in browser.find_elements("css selector", ".tree li")
    ]
    assert paths == ["", "block", "block.fc", "block.norm", "head"]
    fc = browser.find_element("css selector", '.tree li[data-path="block.fc"]')
    assert fc.is_displayed()
    assert fc.text == "fc Linear 30 parameters, 3 calls"


def test_findings_are_shown(browser) -> None:
    text = browser.find_element("id", "findings").text
    assert "FB008" in text
    assert "'unused', '</script>' got no gradient" in text
    assert f"{__file__}:" in text


def test_a_click_sorts_the_table(browser) -> None:
    before = cells(browser, 4)
    assert before != sorted(before, key=int)
    head = browser.find_element(
        "xpath", "//table[@id='parameter-table']//button[text()='elements']"
    )
    head.click()
    assert cells(browser, 4) == sorted(before, key=int)
    assert head.find_element("xpath", "..").get_attribute("aria-sort") == "ascending"
    head.click()
    assert cells(browser, 4) == sorted(before, key=int, reverse=True)
    assert cells(browser, 1)[0] == "block.fc.weight"


def test_histograms_are_drawn(browser) -> None:
    trained = [name for name in cells(browser, 1) if name not in ("unused", "</script>")]
    drawn = browser.find_elements("css selector", "#parameter-table td:nth-child(10) svg")
    assert len(drawn) == len(trained)
    assert drawn[0].find_elements("css selector", "rect.bar")


def test_no_error_on_the_console(browser) -> None:
    assert browser.get_log("browser") == []
