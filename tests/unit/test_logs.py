"""Log lines, as another process writes them."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from typing import Any

WRITES = """
import logging, warnings, structlog
from citewell_entrypoints.logs import configure_logging
configure_logging({level!r}, {format!r})
log, standard = structlog.get_logger("ours"), logging.getLogger("theirs")
structlog.contextvars.bind_contextvars(request_id="r-1")
{body}
"""
FAILS = """
def call():
    password = "hunter2"
    raise ValueError("no connection to postgresql://me:secret@db.example/x")
try:
    call()
except ValueError:
    {log}
"""


def written(body: str, *, level: str = "info", style: str = "json") -> str:
    program = WRITES.format(level=level, format=style, body=body)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    return done.stderr


def lines(body: str, **settings: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written(body, **settings).splitlines()]


def test_a_line_of_structlog_is_json() -> None:
    """Time in UTC, level, logger, event, what is bound and what was given."""
    [line] = lines("log.info('request', status=200, path='/x', odd=object)")
    assert datetime.fromisoformat(line.pop("timestamp")).utcoffset() is not None
    assert line == {
        "level": "info",
        "logger": "ours",
        "event": "request",
        "status": 200,
        "path": "/x",
        "odd": "<class 'object'>",
        "request_id": "r-1",
    }


def test_a_line_of_the_standard_library_has_the_same_shape() -> None:
    """uvicorn, Dramatiq and the core write through logging."""
    [line] = lines("standard.warning('job %s waits', 7)")
    del line["timestamp"]
    assert line == {"level": "warning", "logger": "theirs", "event": "job 7 waits", "request_id": "r-1"}


def test_lines_below_the_level_are_left_out() -> None:
    """From both kinds of loggers."""
    body = "log.info('a'); standard.info('b'); log.warning('c'); standard.warning('d')"
    assert [line["event"] for line in lines(body, level="warning")] == ["c", "d"]


def test_debug_shows_everything_but_info_leaves_out_what_libraries_chat() -> None:
    """Each call of an HTTP client is a line of its own at `info`; ours suffices."""
    body = "logging.getLogger('httpx').info('HTTP Request'); log.debug('d')"
    assert lines(body) == []
    assert [line["event"] for line in lines(body, level="debug")] == ["HTTP Request", "d"]


def test_an_exception_is_structured_and_without_local_variables() -> None:
    """Class, message and frames; never the values of variables."""
    for call in ("log.error('failed', exc_info=True)", "standard.exception('failed')"):
        text = written(FAILS.format(log=call))
        [line] = [json.loads(line) for line in text.splitlines()]
        [raised] = line["exception"]
        assert raised["exc_type"] == "ValueError"
        assert [frame["name"] for frame in raised["frames"]] == ["<module>", "call"]
        assert "hunter2" not in text


def test_passwords_in_urls_are_blotted_out() -> None:
    """In events, in values and in exceptions, on a terminal and in JSON."""
    url = "postgresql://me:secret@db.example/x"
    body = f"log.info({url!r}, url={url!r}); standard.info('at %s', {url!r})"
    failing = FAILS.format(log="log.error('failed', exc_info=True)")
    for style in ("json", "console"):
        text = written(body, style=style) + written(failing, style=style)
        assert "secret" not in text
        assert text.count("me:***@db.example") >= 4


def test_a_warning_is_a_line() -> None:
    """So that standard error holds nothing but log lines."""
    [line] = lines("warnings.warn('old')")
    assert (line["logger"], line["level"]) == ("py.warnings", "warning")


def test_auto_is_json_off_a_terminal() -> None:
    """A pipe is no terminal."""
    assert [line["event"] for line in lines("log.info('a')", style="auto")] == ["a"]


def test_console_lines_are_readable_and_plain_off_a_terminal() -> None:
    """One line an event, without colours where nobody sees them."""
    text = written("log.info('request', status=200); standard.info('hello')", style="console")
    assert "request" in text
    assert "status=200" in text
    assert "hello" in text
    assert "\x1b" not in text


def test_importing_the_module_imports_no_library() -> None:
    """The command line imports it for `--help`."""
    program = (
        "import sys, citewell_entrypoints.logs; print('structlog' in sys.modules, 'msgspec' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
