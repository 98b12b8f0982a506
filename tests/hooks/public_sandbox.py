"""The public CDS Hooks sandbox as a client: what it sends, what it makes of a card, and what it sends back.

Written after its source (github.com/cds-hooks/sandbox, 2025): `createFhirResource`, `callServices`, `takeSuggestion`,
`dismissCard`. It sends no `intent` before a supply is set, a Bundle without type, a `category` that is an object, pills
as unit, a day as date, and no `encounterId`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    import httpx

Json = dict[str, Any]

FHIR_HEADERS = {"Accept": "application/json+fhir", "content-type": "application/x-www-form-urlencoded"}
# Signed with a key that anyone can read; this service is called without authentication here and ignores it.
CALL_HEADERS = {"Accept": "application/json", "Authorization": "Bearer header.claims.signature"}
_INDICATORS = {"info": 0, "warning": 1, "critical": 2}


@dataclass
class PublicSandbox:
    """One browser tab of the sandbox: a patient, the services it discovered, and one prescription."""

    client: httpx.AsyncClient
    fhir_server: str
    patient: str
    services: Json = field(default_factory=dict)
    prescribable: Json | None = None
    complaints: list[str] = field(default_factory=list)

    async def discover(self, discovery_url: str = "/cds-services") -> None:
        """Read discovery and remember each service by its address."""
        answer = await self.client.get(discovery_url, headers=CALL_HEADERS)
        self.services = {f"{discovery_url}/{each['id']}": each for each in answer.json()["services"]}

    def order(self) -> Json:
        """The prescription being written, as the sandbox builds it for an R4 server."""
        resource: Json = {
            "resourceType": "MedicationRequest",
            "id": "request-123",
            "status": "draft",
            "subject": {"reference": f"Patient/{self.patient}"},
            "authoredOn": "2026-01-15",
        }
        if self.prescribable is None:
            return resource
        pills = {"value": 1, "system": "http://unitsofmeasure.org", "code": "{pill}"}
        timing = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}
        supply = {"value": 30, "unit": "days", "system": "http://unitsofmeasure.org", "code": "d"}
        category = {"system": "http://terminology.hl7.org/CodeSystem/medicationrequest-category", "code": "community"}
        name = self.prescribable["name"]
        coding = {
            "display": name,
            "system": "http://www.nlm.nih.gov/research/umls/rxnorm",
            "code": self.prescribable["id"],
        }
        return resource | {
            "dosageInstruction": [{"timing": timing, "doseAndRate": [{"doseQuantity": pills}]}],
            "dispenseRequest": {"expectedSupplyDuration": supply},
            "intent": "order",
            "category": {"coding": [category]},
            "medicationCodeableConcept": {"text": name, "coding": [coding]},
        }

    async def call(self, hook: str) -> list[Json]:
        """Call every service of a hook with prefetch; the cards, most urgent first, each with its service's address."""
        context: Json = {"patientId": self.patient, "userId": "Practitioner/COREPRACTITIONER1"}
        if hook != "patient-view":
            context["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": self.order()}]}
        if hook == "order-select":
            context["selections"] = ["MedicationRequest/request-123"]
        cards: list[Json] = []
        for address, definition in self.services.items():
            if definition["hook"] == hook:
                request = {"hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", "hook": hook,
                           "fhirServer": self.fhir_server, "context": context,
                           "prefetch": await self._prefetched(definition["prefetch"])}  # fmt: skip
                answer = await self.client.post(address, json=request, headers=CALL_HEADERS)
                assert answer.status_code == 200, answer.text
                cards += [card | {"serviceUrl": address} for card in answer.json()["cards"]]
        return sorted(cards, key=lambda card: -_INDICATORS[card["indicator"]])

    async def _prefetched(self, templates: Json) -> Json:
        """Reads by GET, searches by POST to _search; what cannot be had is left out."""
        found: Json = {}
        for key, template in templates.items():
            address = template.replace("{{context.patientId}}", self.patient)
            assert "{{" not in address, address
            path, _, query = address.partition("?")
            if query:
                answer = await self.client.post(
                    f"{self.fhir_server}/{path}/_search", data=dict(parse_qsl(query)), headers=FHIR_HEADERS
                )
            else:
                answer = await self.client.get(f"{self.fhir_server}/{path}", headers=FHIR_HEADERS)
            if answer.status_code == 200 and answer.json():
                found[key] = answer.json()
        return found

    async def take(self, card: Json, suggestion: Json) -> httpx.Response:
        """Send feedback, then let the first action that concerns a drug change the prescription."""
        feedback = {"card": card["uuid"], "outcome": "accepted", "acceptedSuggestions": [{"id": suggestion["uuid"]}],
                    "outcomeTimestamp": "2026-01-15T12:00:30.123Z"}  # fmt: skip
        answer = await self._tell(card, feedback)
        for action in suggestion.get("actions", ()):
            if not action.get("description"):
                self.complaints.append('Missing required "description" field in suggestion action')
            if action.get("type") == "delete":
                self.prescribable = None
                return answer
            concept = action.get("resource", {}).get("medicationCodeableConcept")
            if concept and concept.get("text") and concept["coding"][0].get("code"):
                self.prescribable = {"name": concept["text"], "id": concept["coding"][0]["code"]}
                return answer
            self.complaints.append("Suggested resource does not have a medicationCodeableConcept")
        return answer

    async def dismiss(self, card: Json, reason: Json | None = None) -> httpx.Response:
        """Dismiss a card, for one of the reasons it offers or for none."""
        feedback: Json = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": "2026-01-15T12:00:30.123Z"}
        if reason is not None:
            feedback["overrideReason"] = {"reason": {"code": reason["code"], "system": reason["system"]}}
        return await self._tell(card, feedback)

    async def _tell(self, card: Json, feedback: Json) -> httpx.Response:
        headers = CALL_HEADERS | {"Content-Type": "application/json"}
        return await self.client.post(f"{card['serviceUrl']}/feedback", json={"feedback": [feedback]}, headers=headers)
