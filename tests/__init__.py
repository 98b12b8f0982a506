"""Tests, fixture tables and the small FHIR builders they share."""
