"""The clinical core: pure functions over typed facts, standard library only.

It knows guidelines and thresholds. It must not know FHIR, CDS Hooks, the clock, the environment,
logging or JSON; "now" and the site profile are arguments.
"""
