"""python -m benchmarks: measure the floor, this service and its peers in one run, and write what was found.

Ends with 1 when a request was not answered with 200, and never because of a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks import bodies, report, targets
from benchmarks.bars import FLOOR, LARGE, OWN, PATIENT_VIEW, bars
from benchmarks.load import loader
from benchmarks.measuring import Job, measure, measure_fetching
from benchmarks.targets import BUILT, HERE, ORDER_SELECT
from cds_service.app import utc_now

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

_CHARTS = {"1,250 Observations": 1250, LARGE: 5000, "20,000 Observations": 20000}
_FETCHING_CALLS, _FETCHING_CALLS_SMOKE = 60, 10


def main(
    *,
    smoke: Annotated[bool, typer.Option("--smoke", help="no peers, one short round, into build/")] = False,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="turns of each")] = 6,
    seconds: Annotated[float, typer.Option(min=1, max=60, help="seconds of a turn")] = 3,
) -> None:
    """Measure, print the tables and write them."""
    BUILT.mkdir(parents=True, exist_ok=True)
    rounds, seconds = (1, 1) if smoke else (rounds, seconds)
    now, load = utc_now(), loader()
    others, left_out = ([], []) if smoke else targets.peers()
    jobs = _jobs(others, is_smoke=smoke)
    result = measure(jobs, _bodies(now), load, rounds=rounds, seconds=seconds, tell=typer.echo)
    fetching = measure_fetching(bodies.fetching, _FETCHING_CALLS_SMOKE if smoke else _FETCHING_CALLS)
    run = report.Run(now, load.name, seconds, result, fetching, bars(result, fetching), left_out)
    paths = report.write(run, BUILT / "smoke" if smoke else HERE / "results")
    typer.echo(report.as_markdown(run))
    typer.echo("Written: " + ", ".join(str(path) for path in paths))
    failed = {each.target for each in result.measured if each.failures or not each.requests}
    if failed:
        typer.echo(f"Not every request was answered with 200: {', '.join(sorted(failed))}", err=True)
        raise typer.Exit(1)


def _jobs(others: list[targets.Target], *, is_smoke: bool) -> list[Job]:
    floor, own = targets.floor(), targets.own_service()
    assert (floor.name, own.name) == (FLOOR, OWN)  # noqa: S101 - the bars are named after them
    plain = [Job(each, PATIENT_VIEW) for each in (floor, targets.bytes_floor(), own, *others)]
    more = [Job(own, ORDER_SELECT), Job(own, LARGE)]
    if is_smoke:
        return [*plain, *more]
    charts = [Job(each, name) for name in _CHARTS for each in (floor, own)]
    return [*plain, Job(own, ORDER_SELECT), *charts, Job(floor, PATIENT_VIEW, 16), Job(own, PATIENT_VIEW, 16)]


def _bodies(now: datetime) -> dict[str, Path]:
    """Every body as a file."""
    made = {
        PATIENT_VIEW: bodies.patient_view(now),
        ORDER_SELECT: bodies.order_select(now),
        **{name: bodies.large_chart(now, observations) for name, observations in _CHARTS.items()},
    }
    folder = BUILT / "bodies"
    folder.mkdir(exist_ok=True)
    for name, body in made.items():
        (folder / name).write_bytes(body)
    return {name: folder / name for name in made}


if __name__ == "__main__":
    typer.run(main)
