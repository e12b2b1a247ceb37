"""One shape for every log line of a process, whether structlog or the standard library's logging wrote it.

JSON lines have `timestamp` (ISO 8601, UTC), `level`, `logger`, `event`, what is bound in structlog's context
variables (`request_id` …) and what the call added. Importing this module costs nothing; configuring does.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

__all__ = ["Format", "Level", "configure_logging", "load_structlog"]

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "console", "json"]

#: Libraries that log every call they make.
_CHATTY: Final = ("httpcore", "httpcore2", "httpx", "httpx2", "openai", "fsspec", "filelock")
_MAX_FRAMES: Final = 20
_FIRST: Final = ("timestamp", "level", "logger", "event")
# A password in a URL: what follows the colon in `scheme://name:password@host`.
_URL_PASSWORD: Final = re.compile(r"(://[^\s:/@\"']*:)[^\s@\"']+(?=@)")


def load_structlog() -> None:
    """Import structlog without rich, which it would load to colour tracebacks: 5 MB of each process.

    To be called before anything else imports it, in processes that log and show nothing.
    """
    if "structlog" in sys.modules or "rich" in sys.modules:
        return
    sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        import structlog  # noqa: F401
    finally:
        del sys.modules["rich"]


def configure_logging(level: Level = "info", format: Format = "auto") -> None:  # noqa: A002
    """Send all log lines of at least `level` to standard error; `auto` is JSON unless that is a terminal."""
    import structlog
    from structlog.stdlib import ProcessorFormatter

    is_json = format == "json" or (format == "auto" and not sys.stderr.isatty())
    number = logging.getLevelNamesMapping()[level.upper()]
    before = _before(is_json=is_json)
    last = _last(is_json=is_json)
    # Our own lines go straight to the stream: the detour over the standard library costs three times as much.
    structlog.configure(
        processors=[*before, *last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_named_loggers(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(handlers=[handler], level=number, force=True)
    logging.captureWarnings(capture=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(number, logging.WARNING) if level != "debug" else number)


def _named_loggers(stream: TextIO) -> Callable[..., WrappedLogger]:
    import structlog

    class NamedLogger(structlog.WriteLogger):
        """Writes to the stream, and knows the name that `structlog.get_logger` was called with."""

        def __init__(self, name: str = "root") -> None:
            super().__init__(stream)
            self.name = name

    return NamedLogger


def _before(*, is_json: bool) -> list[Processor]:
    import structlog

    stamp = (
        structlog.processors.TimeStamper(fmt="iso", utc=True)
        if is_json
        else structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)
    )
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        stamp,
    ]


def _last(*, is_json: bool) -> list[Processor]:
    import structlog
    from structlog.processors import ExceptionRenderer, JSONRenderer
    from structlog.tracebacks import ExceptionDictTransformer

    if not is_json:
        console = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        return [_without_passwords(console)]
    import msgspec

    encoder = msgspec.json.Encoder(enc_hook=repr)
    # Local variables hold secrets: never in a log line.
    traces = ExceptionDictTransformer(show_locals=False, max_frames=_MAX_FRAMES)

    def line(event: dict[str, Any], **_: object) -> str:
        return encoder.encode({**dict.fromkeys(_FIRST), **event}).decode()

    return [ExceptionRenderer(traces), _without_passwords(JSONRenderer(serializer=line))]


def _without_passwords(renderer: Processor) -> Processor:
    """The renderer, with the passwords of URLs blotted out of the finished line."""

    def render(logger: WrappedLogger, name: str, event: EventDict) -> str:
        line = str(renderer(logger, name, event))
        return _URL_PASSWORD.sub(r"\1***", line) if "://" in line else line

    return render
