"""The group of all commands: loads the one that is asked for, and turns known failures into one line."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from citewell_entrypoints.cli.failures import INTERRUPTED, Failed, WrongSettings
from citewell_entrypoints.cli.helptext import Example, HelpContext, write_examples

__all__ = ["COMMANDS", "root"]

#: What each command is for; it is the attribute `command` of the module of its name in `commands`. The list
#: of all is printed without importing any of them.
COMMANDS: Final[Mapping[str, str]] = {
    "serve": "Run everything on this machine.",
    "ingest": "Upload files and folders, and wait until they are ready.",
    "query": "Find the passages that answer a question.",
    "status": "Show what is ready and what is in work.",
    "cancel": "Stop the ingestion of documents.",
    "retry": "Queue documents anew that failed or were cancelled.",
    "delete": "Delete documents, for good.",
    "recall": "Measure how much of what is there the index finds.",
    "eval": "Measure how well the server finds what is there.",
    "spaces": "List the embedding models whose vectors are stored.",
    "reembed": "Change the embedding model of what is stored.",
    "doctor": "Check everything, and say how to mend what is wrong.",
    "migrate": "Bring the schema of the database up to date.",
    "api": "Run one API process, for engines of your own.",
    "worker": "Run one worker process, for engines of your own.",
}

_EXAMPLES: Final[Sequence[Example]] = (
    ("Start everything on this machine, with data in ./.citewell", "citewell serve"),
    ("Upload a file and a folder, and wait until they can be found", "citewell ingest report.pdf notes/"),
    ("Find the passages that answer a question", 'citewell query "How long is the warranty?"'),
)


class _Root(click.Group):
    context_class = HelpContext

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"citewell_entrypoints.cli.commands.{cmd_name}")
        command: click.Command = module.command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED) from None
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            failure = None if ctx.params["debug"] else _known(error)
            if failure is None:
                raise
            raise failure from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        write_examples(_EXAMPLES, formatter)


def _known(error: Exception) -> Failed | None:
    """The failure to tell for an error that is no bug, None for one that may be."""
    from citewell.errors import CitewellError
    from citewell_entrypoints.client.errors import ClientError

    if isinstance(error, CitewellError | ClientError):
        return Failed(str(error))
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("citewell"):
        return Failed(f"the package {error.name} is missing: run pip install 'citewell[server]'")
    # Whoever raised it has imported it; to import it here would only make other failures slow.
    settings = sys.modules.get("citewell_entrypoints.settings")
    if settings is not None and isinstance(error, settings.SettingsError):
        return WrongSettings(str(error))
    return None


def _print_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"citewell {version('citewell')}")
        ctx.exit()


@click.group(
    cls=_Root,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    subcommand_metavar="COMMAND …",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
    help="Show the version and exit.",
)  # fmt: skip
@click.option("--debug", is_flag=True, help="Show the traceback of an error instead of one line.")
def root(debug: bool) -> None:
    """Citewell finds the passages in your documents that answer a question.

    Each passage comes with a score and an exact citation. Settings are environment variables with the prefix
    APP_, also from a file .env; options win over them.
    """
