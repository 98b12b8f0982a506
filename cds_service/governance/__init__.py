"""The governance pack: what a committee, an auditor or a vendor has to be told of this service.

Generated from the tables of the rules, the queries, the profile in force and the change log; hazards, intended
use and the monitoring plan are written here. It must not know CDS Hooks, a network or the clock.
"""
