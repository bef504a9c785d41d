"""What is shown while something takes its time."""

from __future__ import annotations

import io
import threading

import pytest

from flambeau import _progress


class Terminal(io.StringIO):
    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.written.set()
        return super().write(text)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(_progress, "PATIENCE", 0.0)
    monkeypatch.setenv("TERM", "xterm")


def test_a_long_wait_is_told(impatient) -> None:
    file = Terminal()
    with _progress.waiting("profiling", file):
        assert file.written.wait(20)
    assert "profiling" in file.getvalue()


def test_bytes_done_are_counted_before_and_after_the_bar_appears(impatient) -> None:
    file = Terminal()
    with _progress.moving("x.pt", 4 << 20, file) as advance:
        advance(1 << 20)
        assert file.written.wait(20)
        advance(3 << 20)
    assert "x.pt" in file.getvalue()
    assert "4.0/4.0 MiB" in file.getvalue()


def test_what_is_over_soon_shows_nothing() -> None:
    file = Terminal()
    with _progress.waiting("profiling", file), _progress.moving("x.pt", 1, file) as advance:
        advance(1)
    assert file.getvalue() == ""
    assert not [
        t
        for t in threading.enumerate()
        if isinstance(t, threading.Timer)
        and t.is_alive()
        and t.interval == _progress.PATIENCE
        and not t.finished.is_set()
    ]


def test_a_file_gets_nothing(impatient) -> None:
    file = io.StringIO()
    with _progress.moving("x.pt", 1, file) as advance:
        advance(1)
    assert file.getvalue() == ""


def test_an_error_inside_stops_the_display(impatient) -> None:
    file = Terminal()
    with pytest.raises(ValueError, match="no"), _progress.waiting("profiling", file):
        assert file.written.wait(20)
        raise ValueError("no")
    assert file.getvalue().endswith("\x1b[?25h") or "\x1b[?25h" in file.getvalue()
