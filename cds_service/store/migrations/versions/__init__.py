"""One module a step. A step that was released is never changed: what follows it is another step."""
