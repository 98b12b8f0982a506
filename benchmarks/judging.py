"""What answers under faults are worth: as expected, less than expected and said so, refused and explained, or wrong.

Pure but for reading a log. Knows fixtures' expected answers and audit lines.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import orjson

from cds_service.caller import Reply, hook_body
from cds_service.fhir.queries import QUERIES, prefetch_templates
from cds_service.hooks.discovery import service_id
from cds_service.hooks.models import Hook
from cds_service.sandbox.fixtures import load_cases
from tests.builders import draft_order
from tests.ehr import satisfied

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from cds_service.fhir.reading import JsonObject

_COMFORT = frozenset({"not-indicated", "criteria-met"})
_AUDIT = "cds_service.audit {"


class Way(StrEnum):
    """How a call brings the chart."""

    FETCHED = "fetched"
    WHOLE = "all in prefetch"
    PART = "the required keys in prefetch"


_TEMPLATES = {
    Way.FETCHED: {},
    Way.WHOLE: prefetch_templates(),
    Way.PART: {query.key: query.template() for query in QUERIES if query.required},
}


@dataclass(frozen=True, slots=True)
class Golden:
    """One call about a fixture patient and the topics written down for it."""

    slug: str
    hook: Hook
    order: str | dict[str, Any] | None
    topics: tuple[str, ...]
    way: Way = Way.FETCHED

    @property
    def name(self) -> str:
        """Patient, hook, order and the way the chart comes."""
        order = self.order.get("id") if isinstance(self.order, dict) else self.order
        return " ".join((self.slug, self.hook.value, *(() if order is None else (str(order),)), f"({self.way})"))

    @property
    def path(self) -> str:
        """Where it is posted."""
        return f"/cds-services/{service_id(self.hook, has_shared_id=False)}"

    def body(self, fhir_base: str, instance: str, chart: Iterable[JsonObject] = ()) -> dict[str, Any]:
        """The call, with what it prefetches from the chart."""
        order = draft_order(self.order, self.slug) if isinstance(self.order, str) else self.order
        body = hook_body(self.hook, self.slug, order) | {"fhirServer": fhir_base, "hookInstance": instance}
        prefetch = satisfied(_TEMPLATES[self.way], body["context"], chart)
        return body | ({"prefetch": prefetch} if prefetch else {})

    def is_met_by(self, status: int, answer: Any) -> bool:
        """Whether this is the expected answer."""
        reply = Reply(status, answer)
        return reply.has_cards and reply.topics == self.topics


def goldens() -> list[Golden]:
    """Every call of every fixture under the default profile."""
    return [
        Golden(case.slug, Hook(call["hook"]), call.get("order"), tuple(call["topics"]))
        for case in load_cases()
        for call in case.expected.get("calls", ())
        if "profile" not in call
    ]


def every_way(chosen: Iterable[Golden]) -> list[Golden]:
    """These calls in every way a chart comes; where an order is selected, also as it is signed."""
    signed = Hook.ORDER_SIGN
    hooks = [each for one in chosen for each in ((one,) if one.order is None else (one, replace(one, hook=signed)))]
    return [replace(one, way=way) for one in hooks for way in Way]


@dataclass(slots=True)
class Tally:
    """How many answers were what, and those that must not be."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    kinds: Counter[tuple[Hook, Way]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)

    def in_words(self) -> str:
        """The counts, the worst last."""
        parts = [
            f"{self.counts[name]} {name}" for name in ("as expected", "less, and said so", "refused, and explained")
        ]
        faults = ", ".join(f"{kind} {count}" for kind, count in sorted(self.faults.items())) or "none"
        kinds = ", ".join(f"{count} {hook} {way}" for (hook, way), count in sorted(self.kinds.items()))
        return (
            f"{', '.join(parts)}, {len(self.wrong)} wrong, {len(self.unexplained)} unexplained. Faults met: {faults}."
            f"\nOf these: {kinds}."
        )


def audit_lines(log: Path) -> dict[str, dict[str, Any]]:
    """The audit lines of a server's log by hookInstance."""
    found = (line.partition(_AUDIT) for line in log.read_text(errors="replace").splitlines())
    lines = (orjson.loads("{" + rest) for _, mark, rest in found if mark)
    return {line["hook_instance"]: line for line in lines if line.get("hook_instance")}


def judged(answers: Mapping[str, tuple[Golden, int, Any]], audit: Mapping[str, dict[str, Any]]) -> Tally:
    """Each answer against its expected one and its audit line."""
    tally = Tally()
    for instance, (golden, status, answer) in answers.items():
        tally.kinds[golden.hook, golden.way] += 1
        faults = audit.get(instance, {}).get("fhir_faults", {})
        tally.faults.update(faults.values())
        _judge(tally, golden, status, answer, has_faults=bool(faults))
    return tally


def _judge(tally: Tally, golden: Golden, status: int, answer: Any, *, has_faults: bool) -> None:
    if golden.is_met_by(status, answer):
        tally.counts["as expected"] += 1
        return
    reply = Reply(status, answer)
    what = (
        f"{golden.name}: {', '.join(reply.topics) or 'silence'}" if reply.has_cards else f"{golden.name}: HTTP {status}"
    )
    if reply.has_cards and (not has_faults or _comforts(reply.topics, golden.topics)):
        tally.wrong.append(f"{what} instead of {', '.join(golden.topics) or 'silence'}")
    elif not has_faults or not _is_told(reply):
        tally.unexplained.append(what)
    else:
        tally.counts["less, and said so" if reply.has_cards else "refused, and explained"] += 1


def _comforts(topics: Iterable[str], expected: tuple[str, ...]) -> bool:
    """Whether an answer reassures where the expected one did not: by words, or by silence."""
    said = set(topics)
    return (not said and bool(expected)) or bool(said & _COMFORT - set(expected))


def _is_told(reply: Reply) -> bool:
    """Whether a failure is an OperationOutcome of a known status."""
    told = isinstance(reply.body, dict) and reply.body.get("resourceType") == "OperationOutcome"
    return reply.has_cards or (told and reply.status in {412, 503})
