"""The command line of build.py: words go in, each command begins its work; an error becomes a message and a code."""

import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from images.toolkit import assembly, digests, pins
from images.toolkit.engine import connected
from images.toolkit.errors import STOPPED, ImageError, Misused, Stopped, exit_codes, stop
from images.toolkit.plan import NAME, REGISTRY, Image, Wish, planned, versions
from images.toolkit.report import Report, console, megabytes, short
from images.toolkit.vendors import chosen

EXIT_CODES = "\n".join(f"{code:>4}  {meaning}" for code, meaning in exit_codes().items())
HELP = f"""Build, test and publish the images of images/.

build.py [VENDOR...] [OPTIONS] is build.py build: its options follow the commands.

\b
Exit codes:
{EXIT_CODES}"""

Vendors = Annotated[list[str] | None, typer.Argument(metavar="[VENDOR]...", help="Folders of images/; default: all.")]
Registry = Annotated[str, typer.Option(help=f"Registry and path; the repository is REGISTRY/{NAME}.")]
Tag = Annotated[str | None, typer.Option(help="Instead of VERSION in images/versions.env.")]
Base = Annotated[str | None, typer.Option(help="Build on this image instead of ARG BASE's.")]
Platform = Annotated[str | None, typer.Option(help="Such as linux/arm64, for a base that has several.")]
Arguments = Annotated[
    list[str] | None, typer.Option("--build-arg", metavar="KEY=VALUE", help="Goes over versions.env.")
]
Json = Annotated[bool, typer.Option("--json", help="The result as JSON on stdout; all else goes to stderr.")]
Push = Annotated[bool, typer.Option("--push", help="Publish when all images pass, and record their digests.")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Make every layer anew.")]
Wheels = Annotated[
    Path | None, typer.Option(help="Folder of wheels, which Dockerfiles find as wheels/.", exists=True, file_okay=False)
]
DigestFile = Annotated[Path, typer.Option("--digests", help="The values file that --push writes.", show_default=False)]


class BuildsByDefault(TyperGroup):
    """What is no command is a vendor or an option of `build`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        known = args and (args[0] in self.commands or args[0] == "--help")
        return super().parse_args(ctx, args if known else ["build", *args])

    def format_help(self, ctx: Any, formatter: Any) -> None:
        super().format_help(ctx, formatter)
        self.commands["build"].format_help(ctx, formatter)


app = typer.Typer(
    cls=BuildsByDefault, help=HELP, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
)


@app.command()
def build(
    vendors: Vendors = None,
    push: Push = False,
    registry: Registry = REGISTRY,
    tag: Tag = None,
    base: Base = None,
    platform: Platform = None,
    build_arg: Arguments = None,
    no_cache: NoCache = False,
    wheels: Wheels = None,
    digests_file: DigestFile = digests.FILE,
    as_json: Json = False,
) -> None:
    """Build and test images, and with --push publish them."""
    images = _planned(vendors, registry, tag, base, platform, build_arg, wheels)
    report = Report(console(stderr=as_json))
    _preamble(images, report)
    with connected() as client:
        done = assembly.assembled(client, images, wheels, not no_cache, digests_file if push else None, report)
    _summary(done, report)
    if as_json:
        _print({"images": [one.body() for one in done]})


@app.command("list")
def listed(as_json: Json = False) -> None:
    """Print the vendors; with --json as a matrix for GitHub Actions."""
    names = [vendor.name for vendor in chosen([])]
    if as_json:
        typer.echo(json.dumps({"include": [{"vendor": name} for name in names]}))
    else:
        typer.echo("\n".join(names))


@app.command()
def plan(
    vendors: Vendors = None,
    registry: Registry = REGISTRY,
    tag: Tag = None,
    base: Base = None,
    platform: Platform = None,
    build_arg: Arguments = None,
    as_json: Json = False,
) -> None:
    """Print what would be built, and do nothing; needs no Docker Engine."""
    images = _planned(vendors, registry, tag, base, platform, build_arg)
    if as_json:
        _print({"versions": versions(), "images": [image.body() for image in images]})
    else:
        _preamble(images, Report(console(stderr=False)))


@app.command()
def pin(vendors: Vendors = None) -> None:
    """Pin each base to the digest that its tag has today."""
    report = Report(console(stderr=False))
    with connected() as client:
        for vendor in chosen(vendors or []):
            with report.step(vendor.name, "pin") as step:
                pinned = pins.pin(client, vendor)
                step.write(f"{pinned}{' (unchanged)' if pinned == vendor.base else ''}\n")


@app.command()
def record(files: list[Path], digests_file: DigestFile = digests.FILE) -> None:
    """Merge files of digests, such as one per job of a matrix."""
    changed = digests.record(digests.merged(files), digests_file)
    typer.echo(f"{digests_file}: {'written' if changed else 'unchanged'}")


def _planned(
    vendors: list[str] | None,
    registry: str,
    tag: str | None,
    base: str | None,
    platform: str | None,
    build_arg: list[str] | None,
    wheels: Path | None = None,
) -> tuple[Image, ...]:
    if wrong := [word for word in build_arg or () if "=" not in word]:
        raise Misused(f"--build-arg {wrong[0]}: write it as KEY=VALUE")
    arguments = dict(word.split("=", 1) for word in build_arg or ())
    wish = Wish(registry=registry, tag=tag, base=base, platform=platform, wheels=bool(wheels), arguments=arguments)
    return planned(chosen(vendors or []), wish)


def _preamble(images: Sequence[Image], report: Report) -> None:
    report.say("images/versions.env: " + " ".join(f"{key}={value}" for key, value in versions().items()))
    for image in images:
        given = "".join(f"\n  with {key}={value}" for key, value in image.arguments.items() if value)
        report.say(f"{image.reference}\n  from {image.base}{given}")


def _summary(done: Sequence[assembly.Made], report: Report) -> None:
    rows = [
        (one.image.reference, megabytes(one.size), one.state, short(one.digest or one.identity), f"{one.seconds:.1f}")
        for one in done
    ]
    report.table(("image", "size", "state", "digest" if done[0].digest else "id", "seconds"), rows)


def _print(body: Any) -> None:
    typer.echo(json.dumps(body, indent=2, default=dict))


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # A script's background job starts with SIGINT ignored.
        signal.signal(number, stop)
    try:
        app(prog_name="build.py")
    except ImageError as error:
        if "--json" in sys.argv:
            _print({"error": error.body()})
        Report(console(stderr=True)).say(f"error: {error}", "red")
        sys.exit(error.exit_code)
    except Stopped:
        Report(console(stderr=True)).say("stopped; what was not finished has no tag and no digest", "red")
        sys.exit(STOPPED)
