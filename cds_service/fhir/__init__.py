"""FHIR R4: reading charts and servers. Knows no cards and no rules."""
