"""The embedded FHIR R4 server and the fixture cases it serves: for the demo and for tests, never for care."""
