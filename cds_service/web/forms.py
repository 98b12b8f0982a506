"""What a form sent, as names and texts, within a limit of size and number.

Knows `application/x-www-form-urlencoded`, the only way the pages send anything. Must not know what the fields mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from cds_service.hooks.body import read_body
from cds_service.hooks.errors import InvalidRequestError

if TYPE_CHECKING:
    from starlette.requests import Request

_MOST_FIELDS = 120


class FormError(Exception):
    """The form is too large or cannot be read."""


async def typed_fields(request: Request, largest_bytes: int) -> list[tuple[str, str]]:
    """Every field in order, blank ones too. Raises `FormError`, before more than the limit is read."""
    try:
        raw = await read_body(request, largest_bytes)
        return parse_qsl(raw.decode(errors="replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except (InvalidRequestError, ValueError) as error:
        raise FormError from error
