"""A route of the framework without what a call has no use for. Knows ASGI and the framework; no CDS Hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Request
from fastapi.routing import APIRoute

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


class BareRoute(APIRoute):
    """A route in the API description like any other, whose function takes the request and nothing else.

    Nothing is read, checked or injected for it, which is half of what the framework costs a call.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with what the function returns; another method than the route's is left to the framework."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        response = await self.endpoint(Request(scope, receive))
        await response(scope, receive, send)
