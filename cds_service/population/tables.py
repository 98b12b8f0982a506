"""From the part files of every bucket to three Parquet tables and the figures of a report.

Knows DuckDB and SQL. Figures are counts and ids; nothing else about a patient leaves the tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from cds_service.population.buckets import RunError
from cds_service.population.rows import INSTANT_COLUMNS, ORDER_COLUMNS, PATIENT_COLUMNS
from cds_service.report import MonthDone

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cds_service.population.buckets import Run

_EXAMPLES = 20
_TABLES: dict[str, tuple[Mapping[str, str], str]] = {
    "instants": (INSTANT_COLUMNS, "patient, judged_at"),
    "orders": (ORDER_COLUMNS, "patient, signed_at, orders"),
    "patients": (PATIENT_COLUMNS, "patient"),
}

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Figures:
    """What a report says, each a list of rows; the queries beside each name say what it counts."""

    totals: Mapping[str, int]
    by_category: Rows
    by_rule_and_month: Rows
    burden: Rows
    first_fire: Rows
    withdrawn: Rows
    delays: Rows
    judged: Rows
    needless: Rows
    missed: Rows
    signed: Rows
    order_cautions: Rows
    order_examples: Rows
    gaps: Rows
    unmapped: Rows
    examples: Rows


def write_tables(run: Run) -> None:
    """Write the Parquet tables of instants, orders and patients; raises `RunError` while a bucket is missing."""
    missing = run.open_buckets()
    if missing:
        msg = f"{len(missing)} of {run.buckets} buckets are not judged yet"
        raise RunError(msg)
    for name, (columns, order) in _TABLES.items():
        target = run.output / f"{name}.parquet"
        unfinished = target.with_name(f".{target.name}.unfinished")
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            rows = connection.read_json(run.all_parts(name), columns=dict(columns), format="newline_delimited")
            rows.order(order).write_parquet(str(unfinished))
        unfinished.replace(target)


_QUERIES = {
    # Patients and new cards of each category. A card is new when the category or the leading rule changes.
    "by_category": """SELECT category, count(DISTINCT patient), count(*) FROM instants WHERE is_new GROUP BY 1
        ORDER BY 3 DESC, 1""",
    # With the rate per 1,000 patients of whom something became known in that month.
    "by_rule_and_month": """SELECT primary_rule, month, count(*), round(count(*) * 1000.0 / any_value(seen), 1)
        FROM (SELECT *, strftime(judged_at, '%Y-%m') AS month FROM instants) JOIN (SELECT strftime(judged_at, '%Y-%m')
        AS month, count(DISTINCT patient) AS seen FROM instants GROUP BY 1) USING (month)
        WHERE is_new AND primary_rule IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2""",
    # New cards per 1,000 encounters of the whole population.
    "burden": """SELECT category, count(*), round(count(*) * 1000.0 / (SELECT nullif(sum(encounters), 0) FROM patients),
        1) FROM instants WHERE is_new GROUP BY ROLLUP (category) ORDER BY 2 DESC, 1 NULLS FIRST""",
    # Hours from the first recommendation to acetylcysteine: number, quartiles, and how often it came first.
    "first_fire": """SELECT count(*), round(quantile_cont(hours_to_nac, 0.25), 1), round(median(hours_to_nac), 1),
        round(quantile_cont(hours_to_nac, 0.75), 1), count(*) FILTER (hours_to_nac < 0) FROM patients
        WHERE hours_to_nac IS NOT NULL""",
    "withdrawn": """SELECT count(*) FILTER (is_withdrawn), count(*) FROM patients
        WHERE first_indicated_at IS NOT NULL""",
    "delays": """SELECT least(greatest(floor(hours_to_nac), -6), 24)::INTEGER AS hour, count(*) FROM patients
        WHERE hours_to_nac IS NOT NULL GROUP BY 1 ORDER BY 1""",
    # What the service would have said when acetylcysteine was started, had nobody started it.
    "judged": """SELECT nac_route, nac_judged, count(*) FROM patients WHERE nac_judged IS NOT NULL GROUP BY 1, 2
        ORDER BY 3 DESC, 1, 2""",
    "needless": """SELECT patient, nac_started_at, nac_judged FROM patients WHERE is_needless ORDER BY 1
        LIMIT 20""",
    "missed": """SELECT patient, first_indicated_at, first_indicated_rule FROM patients WHERE is_missed ORDER BY 1
        LIMIT 20""",
    # Signings by what was ordered: how many, with a caution, with a dose check, critical, and never ordered.
    "signed": """SELECT array_to_string(kinds, ', '), count(*), count(*) FILTER (len(topics) > 0),
        count(*) FILTER (len(cautions) > 0), count(*) FILTER (len(dose_checks) > 0), count(*) FILTER (is_critical),
        count(*) FILTER (NOT was_ordered) FROM orders GROUP BY 1 ORDER BY 2 DESC, 1""",
    "order_cautions": """SELECT rule, strftime(signed_at, '%Y-%m'), count(*) FROM (SELECT signed_at,
        unnest(list_concat(cautions, dose_checks)) AS rule FROM orders) GROUP BY 1, 2 ORDER BY 1, 2""",
    "order_examples": """SELECT rule, patient, min(signed_at) FROM (SELECT patient, signed_at,
        unnest(list_concat(cautions, dose_checks)) AS rule FROM orders) GROUP BY 1, 2
        QUALIFY row_number() OVER (PARTITION BY rule ORDER BY patient) <= 20 ORDER BY 1, 2""",
    "gaps": """SELECT gap, count(DISTINCT patient), count(*) FROM (SELECT patient, unnest(gaps) AS gap FROM instants)
        GROUP BY 1 ORDER BY 2 DESC, 1""",
    "unmapped": """SELECT token, count(DISTINCT patient), count(*) FROM (SELECT patient, unnest(unmapped) AS token
        FROM instants) GROUP BY 1 ORDER BY 2 DESC, 1""",
    "examples": """SELECT primary_rule, patient, min(judged_at) FROM instants WHERE is_new AND primary_rule IS NOT NULL
        GROUP BY 1, 2 QUALIFY row_number() OVER (PARTITION BY primary_rule ORDER BY patient) <= 20 ORDER BY 1, 2""",
}  # fmt: skip
_TOTALS = """SELECT count(*) AS patients, count(*) FILTER (instants > 0) AS patients_with_instants,
    coalesce(sum(encounters), 0) AS encounters, coalesce(sum(observations), 0) AS observations,
    coalesce(sum(instants), 0) AS instants,
    count(*) FILTER (first_indicated_at IS NOT NULL) AS patients_indicated,
    count(*) FILTER (nac_started_at IS NOT NULL) AS patients_given_nac, count(*) FILTER (is_needless) AS needless,
    count(*) FILTER (is_missed) AS missed, coalesce(sum(duplicates), 0) AS duplicates,
    coalesce(sum(corrected), 0) AS corrected, coalesce(sum(conflicting), 0) AS conflicting,
    coalesce(sum(untimed), 0) AS untimed, coalesce(sum(unread_orders), 0) AS unread_orders FROM patients"""


_MONTHS = """WITH told AS (
    SELECT strftime(first_indicated_at, '%Y-%m') AS month, 1 AS recommended, 0 AS begun, 0 AS needless,
        is_missed::INTEGER AS missed FROM patients WHERE first_indicated_at IS NOT NULL
    UNION ALL SELECT strftime(nac_started_at, '%Y-%m'), 0, 1, is_needless::INTEGER, 0 FROM patients
        WHERE nac_started_at IS NOT NULL)
    SELECT month, sum(recommended)::INTEGER, sum(begun)::INTEGER, sum(needless)::INTEGER, sum(missed)::INTEGER
    FROM told GROUP BY 1 ORDER BY 1"""


def months_done(folder: Path) -> tuple[MonthDone, ...]:
    """What was done in each month, by the evaluation in a folder; raises `RunError` where there is none."""
    table = folder / "patients.parquet"
    if not table.is_file():
        msg = f"{table} is not there: `cds-service evaluate` writes it"
        raise RunError(msg)
    with duckdb.connect() as connection:
        connection.read_parquet(str(table)).create_view("patients")
        return tuple(MonthDone(*row) for row in connection.execute(_MONTHS).fetchall())


def figures_of(folder: Path) -> Figures:
    """The figures of the tables in a folder."""
    with duckdb.connect() as connection:
        for name in _TABLES:
            connection.read_parquet(str(folder / f"{name}.parquet")).create_view(name)
        totals = connection.execute(_TOTALS)
        names = [column[0] for column in totals.description or ()]
        counted = totals.fetchone() or ()
        found = {name: connection.execute(query).fetchall() for name, query in _QUERIES.items()}
    return Figures(totals=dict(zip(names, map(int, counted), strict=True)), **found)
