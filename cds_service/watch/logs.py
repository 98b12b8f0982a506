"""The log of a server process: text for people or JSON for a collector. Knows formats and loggers, no content."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.orjson import OrjsonFormatter

if TYPE_CHECKING:
    from cds_service.settings import Settings

LogFormat = Literal["text", "json"]

_TEXT = "%(asctime)s %(levelname)s %(name)s %(message)s"
# Terminal colours of the HTTP server's own lines.
_LEFT_OUT = (*RESERVED_ATTRS, "color_message")


class JsonLines(OrjsonFormatter):
    """One JSON object a line: timestamp (UTC), level, logger, message; the fields of an audit line beside them."""

    def __init__(self) -> None:
        """Choose the fields."""
        super().__init__(
            "%(levelname)s %(name)s %(message)s",
            timestamp=True,
            rename_fields={"levelname": "level", "name": "logger"},
            reserved_attrs=_LEFT_OUT,
        )


def formatter(log_format: LogFormat) -> logging.Formatter:
    """How a record is written."""
    return JsonLines() if log_format == "json" else logging.Formatter(_TEXT)


def open_log(settings: Settings) -> None:
    """Write the service's log to standard error, and the warnings of the libraries beside it; once a process."""
    service = logging.getLogger("cds_service")
    service.setLevel(settings.log_level)
    if service.handlers:
        return
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(settings.log_format))
    service.addHandler(handler)
    service.propagate = False
    logging.getLogger().addHandler(handler)


def server_log_config(log_format: LogFormat) -> dict[str, Any]:
    """The logging configuration of the HTTP server's own lines, in the same format as the service's."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"service": {"()": f"{__name__}.formatter", "log_format": log_format}},
        "handlers": {"service": {"class": "logging.StreamHandler", "formatter": "service"}},
        "loggers": {"uvicorn": {"handlers": ["service"], "level": "INFO", "propagate": False}},
    }
