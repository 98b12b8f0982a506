"""The command line: which module each command is in. Only what a command needs is loaded for it.

Knows typer. Exit codes of every command: 0 answered, 1 failed or differs, 2 cannot start.
"""

from __future__ import annotations

import gc
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cds_service import __version__

_MODULES = {
    "serve": "serve_command",
    "demo": "operator_commands",
    "load-fixtures": "operator_commands",
    "call": "operator_commands",
    "doctor": "operator_commands",
    "report": "operator_commands",
    "governance": "governance_commands",
    "synth": "population_commands",
    "evaluate": "population_commands",
    "export": "population_commands",
    "profiles": "profile_commands",
    "clients": "client_commands",
}
"""Command or group of commands, and the module whose `app` has it."""


class Commands(TyperGroup):
    """The commands by name, each loaded when it is asked for."""

    def __init__(self, **attributes: Any) -> None:
        """Know the names."""
        super().__init__(**{**attributes, "commands": dict.fromkeys(_MODULES)})

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - typer's signature
        """The command; None for a name that is none."""
        if cmd_name not in self.commands:
            return None
        loaded = typer.main.get_command(_loaded(_MODULES[cmd_name]).app)
        command = loaded.commands.get(cmd_name, loaded) if isinstance(loaded, TyperGroup) else loaded
        command.name = cmd_name
        return command


def _loaded(module: str) -> Any:
    """The module. Next to nothing that loads is garbage, so that the collector need not look for it meanwhile."""
    gc.disable()
    try:
        return import_module(f"cds_service.{module}")
    finally:
        gc.enable()


app = typer.Typer(
    cls=Commands,
    help="CDS Hooks service: is intravenous N-acetylcysteine indicated for acetaminophen toxicity?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def main(version: Annotated[bool, typer.Option("--version", help="version, rule set and profiles")] = False) -> None:  # noqa: FBT002 - a flag
    """CDS Hooks service: is intravenous N-acetylcysteine indicated for acetaminophen toxicity?"""
    if version:
        profiles, ruleset = _loaded("clinical.profiles"), _loaded("clinical.ruleset")
        typer.echo(f"cds-service {__version__}; profiles: {', '.join(sorted(profiles.PROFILES))}")
        typer.echo(f"rule set {ruleset.RULE_SET_VERSION}; sha256 {ruleset.RULE_SET_HASH}")
        raise typer.Exit
