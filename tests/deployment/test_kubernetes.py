"""The manifests fit the service: its settings, ports, probes and times. `make check-manifests` holds the schema."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

from cds_service.operations import operations_routes
from cds_service.settings import PREFIX, Settings
from cds_service.trusted_clients import read_trusted_clients

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
OBJECTS: list[dict[str, Any]] = [
    each for path in sorted(FOLDER.glob("*.yaml")) for each in yaml.safe_load_all(path.read_text())
]
LABELS = {"app.kubernetes.io/name": "cds-service"}


def the(kind: str, name: str = "cds-service") -> dict[str, Any]:
    (found,) = [each for each in OBJECTS if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


POD = the("Deployment")["spec"]["template"]["spec"]
CONTAINER = POD["containers"][0]
PORT = CONTAINER["ports"][0]["containerPort"]
DEADLINE_SECONDS = Settings.model_fields["deadline_seconds"].default


def test_there_is_everything_a_deployment_needs_and_no_secret() -> None:
    kinds = sorted(each["kind"] for each in OBJECTS)
    assert kinds == [
        *("ConfigMap", "ConfigMap", "Deployment", "HorizontalPodAutoscaler", "NetworkPolicy"),
        *("PodDisruptionBudget", "Service"),
    ]


def test_every_variable_is_a_setting_and_secrets_come_from_the_secret() -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    plain = set(the("ConfigMap")["data"])
    secret = {each["name"]: each["valueFrom"]["secretKeyRef"] for each in CONTAINER["env"]}
    assert plain | set(secret) <= known
    assert plain.isdisjoint(secret)
    assert secret == {name: {"name": "cds-service", "key": name} for name in secret}
    assert {"CDS_DATABASE_URL", "CDS_LINK_SECRET", "CDS_OPERATIONS_PASSWORD"} == set(secret)


def test_the_configured_values_start_the_service(tmp_path: Path) -> None:
    clients = tmp_path / "clients.toml"
    clients.write_text(the("ConfigMap", "cds-service-clients")["data"]["clients.toml"])
    values = {name.removeprefix(PREFIX).lower(): value for name, value in the("ConfigMap")["data"].items()}
    mounted = {each["mountPath"] for each in CONTAINER["volumeMounts"]}
    assert str(Path(values["trusted_clients"]).parent) in mounted
    values |= {"trusted_clients": str(clients), "allowed_fhir_servers": (values["allowed_fhir_servers"],)}
    assert Settings(**values).clients == read_trusted_clients(clients)


def test_everything_selects_the_same_pods() -> None:
    assert the("Deployment")["spec"]["template"]["metadata"]["labels"] == LABELS
    selectors = [
        the("Deployment")["spec"]["selector"]["matchLabels"],
        the("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        the("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        the("Service")["spec"]["selector"],
    ]
    assert selectors == [LABELS] * 4
    assert the("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["name"] == the("Deployment")["metadata"]["name"]


def test_probes_ask_what_the_service_answers() -> None:
    probes = {name: CONTAINER[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")}
    assert {each["port"] for each in probes.values()} == {CONTAINER["ports"][0]["name"]}
    assert (probes["startup"]["path"], probes["readiness"]["path"], probes["liveness"]["path"]) == (
        "/readyz",
        "/readyz",
        "/healthz",
    )
    routes = Path(operations_routes.__code__.co_filename).read_text()
    assert all(f'get("{each["path"]}"' in routes for each in probes.values())
    assert CONTAINER["args"][CONTAINER["args"].index("--port") + 1] == str(PORT)


def test_a_pod_is_given_the_time_its_calls_may_take() -> None:
    before = CONTAINER["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert POD["terminationGracePeriodSeconds"] >= before + DEADLINE_SECONDS + 10


def test_one_may_always_go() -> None:
    least = the("HorizontalPodAutoscaler")["spec"]["minReplicas"]
    assert least > the("PodDisruptionBudget")["spec"]["minAvailable"] >= 1
    assert the("Deployment")["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_the_pod_may_do_nothing_but_serve() -> None:
    user = re.search(r"^USER (\d+):", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert user
    assert POD["securityContext"]["runAsUser"] == int(user[1])
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["automountServiceAccountToken"] is False
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert set(the("NetworkPolicy")["spec"]["policyTypes"]) == {"Ingress", "Egress"}


def test_the_image_is_of_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert CONTAINER["image"].endswith(f"/cds-service:{version}")
