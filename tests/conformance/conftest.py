"""One service for all tests of a module that need nothing but its defaults: opening it is the dear part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio

from tests.hooks.service import service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A client of a started service with default settings, which may fetch nothing."""
    async with service() as opened:
        yield opened
