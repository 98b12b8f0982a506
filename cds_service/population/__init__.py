"""The same rules over a whole population: Bulk FHIR NDJSON in, one row per patient and instant out."""
