"""What the environment may say, and how the service refuses to start on anything else."""

from __future__ import annotations

import pytest

from cds_service.settings import Settings, SettingsError, read_settings, unknown_variables


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"CDS_{name.upper()}", raising=False)


def test_the_defaults_start() -> None:
    settings = read_settings()
    assert settings.profile == "us-2023"
    assert settings.clinical_profile.treatment_line_mg_l == 150
    assert settings.allowed_fhir_servers == ()
    assert settings.fhir_bases == ()
    assert settings.cors_origins == ("*",)
    assert settings.max_body_bytes == 16 * 1024 * 1024


READ = [
    ("CDS_ALLOWED_FHIR_SERVERS", " https://A.test:443/fhir/ , http://127.0.0.1:8085/fhir,", "allowed_fhir_servers",
     ("https://a.test/fhir", "http://127.0.0.1:8085/fhir")),
    ("CDS_ALLOWED_FHIR_SERVERS", "", "allowed_fhir_servers", ()),
    ("CDS_DEFAULT_FHIR_SERVER", "https://a.test/fhir", "fhir_bases", ("https://a.test/fhir",)),
    ("CDS_DEFAULT_FHIR_SERVER", " ", "default_fhir_server", None),
    ("CDS_CORS_ORIGINS", "https://a.test,https://b.test:444", "cors_origins", ("https://a.test", "https://b.test:444")),
    ("CDS_CORS_ORIGINS", "", "cors_origins", ()),
    ("CDS_FHIR_TIMEOUT_SECONDS", "0.1", "fhir_timeout_seconds", 0.1),
    ("CDS_DEADLINE_SECONDS", "120", "deadline_seconds", 120.0),
    ("CDS_LOG_LEVEL", "debug", "log_level", "DEBUG"),
    ("CDS_SHARED_SERVICE_ID", "true", "shared_service_id", True),
    ("CDS_TIMEZONE", "America/New_York", "timezone", "America/New_York"),
    ("CDS_SMART_CLIENT_ID", " nac-app ", "smart_client_id", "nac-app"),
    ("CDS_SMART_CLIENT_ID", " ", "smart_bases", ()),
    ("CDS_SMART_CLIENT_SECRET", " ", "smart_client_secret", None),
    ("CDS_SMART_SCOPES", " launch   patient/*.read ", "smart_scopes", "launch patient/*.read"),
    ("CDS_SMART_ISSUERS", "", "smart_issuers", ()),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "setting", "value"), READ)
def test_values_are_read(monkeypatch: pytest.MonkeyPatch, name: str, text: str, setting: str, value: object) -> None:
    monkeypatch.setenv(name, text)
    assert getattr(read_settings(), setting) == value


REFUSED = [
    ("CDS_BASE_URL", "service", "http(s) address"),
    ("CDS_PROFILE", "us-2022", "us-2023"),
    ("CDS_PROFILE", "", "us-2023"),
    ("CDS_ALLOWED_FHIR_SERVERS", "https://a.test/fhir, fhir", "comma list"),
    ("CDS_ALLOWED_FHIR_SERVERS", "https://user:hunter2@a.test/fhir", "comma list"),
    ("CDS_ALLOWED_FHIR_SERVERS", "https://a.test/fhir?x=1", "comma list"),
    ("CDS_DEFAULT_FHIR_SERVER", "ftp://a.test", "http(s) address"),
    ("CDS_CORS_ORIGINS", "https://a.test/path", "origins"),
    ("CDS_SMART_SCOPES", " ", "SMART scopes"),
    ("CDS_SMART_SCOPES", 'launch "x"', "SMART scopes"),
    ("CDS_SMART_ISSUERS", "https://not-listed.test/fhir", "may launch"),
    ("CDS_SMART_ISSUERS", "fhir", "may launch"),
    ("CDS_FHIR_TIMEOUT_SECONDS", "0.09", "0.1 to 60"),
    ("CDS_FHIR_TIMEOUT_SECONDS", "60.1", "0.1 to 60"),
    ("CDS_DEADLINE_SECONDS", "nan", "0.5 to 120"),
    ("CDS_DATABASE_URL", "mysql://hunter2@a.test/x", "postgresql://"),
    ("CDS_DATABASE_URL", "postgresql://u:hunter2@a.test:port/x", "postgresql://"),
    ("CDS_DEADLINE_SECONDS", "ten", "0.5 to 120"),
    ("CDS_LOG_LEVEL", "LOUD", "DEBUG, INFO"),
    ("CDS_TIMEZONE", "Mars/Olympus", "time zone"),
    ("CDS_SHARED_SERVICE_ID", "perhaps", "true or false"),
    ("CDS_MAX_BODY_BYTES", "1023", "1024"),
    ("CDS_MAX_CALLS", "0", "from 1"),
    ("CDS_MAX_CALLS", "10001", "to 10000"),
]


@pytest.mark.parametrize(("name", "text", "allowed"), REFUSED)
def test_a_wrong_value_names_its_variable_and_range(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, allowed: str
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert name in str(refused.value)
    assert allowed in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_every_wrong_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDS_PROFILE", "x")
    monkeypatch.setenv("CDS_TIMEZONE", "x")
    with pytest.raises(SettingsError, match=r"CDS_PROFILE[\s\S]*CDS_TIMEZONE"):
        read_settings()


def test_authentication_is_never_only_pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDS_TRUSTED_CLIENTS", "/absent/clients.toml")
    with pytest.raises(SettingsError, match=r"CDS_TRUSTED_CLIENTS must be[\s\S]*cannot be read"):
        read_settings()


def test_a_blank_path_of_clients_is_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDS_TRUSTED_CLIENTS", " ")
    assert read_settings().clients is None


def test_unknown_variables_are_told_with_the_nearest_name() -> None:
    sentences = unknown_variables({"CDS_DEADLINE": "3", "CDS_PROFILE": "us-2023", "PATH": "/bin"})
    assert len(sentences) == 1
    assert "CDS_DEADLINE " in sentences[0]
    assert "CDS_DEADLINE_SECONDS" in sentences[0]


def test_the_app_needs_https_and_is_launched_by_the_servers_that_may_be_asked() -> None:
    bases = ("https://a.test/fhir", "https://b.test/fhir")
    on = {"smart_client_id": "nac-app", "allowed_fhir_servers": bases}
    assert Settings(base_url="https://nac.test", **on).smart_bases == bases  # type: ignore[arg-type]
    assert Settings(**on).smart_bases == bases  # type: ignore[arg-type] # on this machine
    chosen = Settings(**on, smart_issuers=bases[1:])  # type: ignore[arg-type]
    assert chosen.smart_bases == bases[1:]
    with pytest.raises(SettingsError, match="where CDS_BASE_URL is https"):
        read_settings(base_url="http://nac.test", **on)
    with pytest.raises(SettingsError, match="CDS_BASE_URL"):
        read_settings(base_url="nac", **on)
    with pytest.raises(SettingsError, match="CDS_ALLOWED_FHIR_SERVERS"):
        read_settings(allowed_fhir_servers=("x",), smart_issuers=bases)
