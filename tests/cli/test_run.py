"""`flambeau run` does what `python` does, and `torch` means flambeau."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.programs import flambeau


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_script_sees_what_python_would_show_it(tmp_path: Path) -> None:
    write(tmp_path / "helper.py", "VALUE = 7\n")
    script = write(
        tmp_path / "script.py",
        "import sys, pathlib, helper\n"
        "print(sys.argv[1:], __name__, sys.argv[0] == __file__, helper.VALUE)\n"
        "print(sys.path[0] == str(pathlib.Path(__file__).resolve().parent))\n"
        "print(sys.modules['__main__'].__dict__ is globals(), __spec__, __package__)\n"
        "import torch; print(torch.__version__, torch.__name__)\n",
    )
    done = flambeau("run", script, "--epochs", "3", "-m", "--help")
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "['--epochs', '3', '-m', '--help'] __main__ True 7",
        "True",
        "True None None",
        "2.13.0+flambeau flambeau",
    ]


def test_a_module_gets_all_that_follows_its_name(tmp_path: Path) -> None:
    write(tmp_path / "package" / "__init__.py", "")
    write(tmp_path / "package" / "sibling.py", "VALUE = 3\n")
    write(
        tmp_path / "package" / "__main__.py",
        "import sys\nfrom .sibling import VALUE\n"
        "print(VALUE, __name__, __package__, __spec__.name, sys.argv[1:])\n",
    )
    done = flambeau("run", "-m", "package", "--help", "x", cwd=tmp_path)
    assert done.stderr == ""
    assert done.stdout == "3 __main__ package package.__main__ ['--help', 'x']\n"


def test_a_folder_and_a_zip_file_run_their_main(tmp_path: Path) -> None:
    main = write(tmp_path / "app" / "__main__.py", "import part\nprint(part.VALUE, __name__)\n")
    part = write(tmp_path / "app" / "part.py", "VALUE = 5\n")
    with zipfile.ZipFile(tmp_path / "app.zip", "w") as archive:
        archive.write(main, "__main__.py")
        archive.write(part, "part.py")
    assert flambeau("run", tmp_path / "app").stdout == "5 __main__\n"
    assert flambeau("run", tmp_path / "app.zip").stdout == "5 __main__\n"


@pytest.mark.parametrize(
    ("statement", "code", "stderr"),
    [
        ("raise SystemExit(3)", 3, ""),
        ("raise SystemExit", 0, ""),
        ("raise SystemExit('stopped')", 1, "stopped\n"),
        ("raise KeyboardInterrupt", 130, None),
        ("1 / 0", 1, None),
    ],
)
def test_the_exit_status_is_the_programs(
    tmp_path: Path, statement: str, code: int, stderr: str | None
) -> None:
    done = flambeau("run", write(tmp_path / "script.py", statement))
    assert done.returncode == code
    assert stderr is None or done.stderr == stderr


def test_a_traceback_holds_the_users_frames_only(tmp_path: Path) -> None:
    script = write(tmp_path / "script.py", "def inner():\n    return {}['key']\n\ninner()\n")
    lines = flambeau("run", script).stderr.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert [line.split(", ")[1] for line in lines if line.startswith("  File")] == [
        "line 4",
        "line 2",
    ]
    assert lines[-1] == "KeyError: 'key'"


def test_a_syntax_error_is_shown_as_python_shows_it(tmp_path: Path) -> None:
    done = flambeau("run", write(tmp_path / "script.py", "x = (\n"))
    assert done.returncode == 1
    assert "SyntaxError" in done.stderr
    assert "flambeau" not in done.stderr.replace(str(tmp_path), "")


def test_what_cannot_be_run_is_named() -> None:
    done = flambeau("run", "missing.py")
    assert (done.returncode, "missing.py" in done.stderr) == (2, True)
    assert "Traceback" not in done.stderr
    done = flambeau("run", "-m", "missing_module")
    assert (done.returncode, "missing_module" in done.stderr) == (2, True)
    done = flambeau("run")
    assert (done.returncode, "script" in done.stderr) == (2, True)


def test_version() -> None:
    assert flambeau("--version").stdout.startswith("flambeau ")
