# /// script
# requires-python = ">=3.11"
# dependencies = ["cyclonedx-python-lib==11.12.0", "docker==7.2.0", "pyyaml==6.0.3", "rich==15.0.0", "typer==0.29.2"]
# ///
"""Words go in, tested and published images come out: `python build.py --help`, or `uv run build.py --help`.

All it does lies in images/toolkit. Beside a file of this name `python -m build` does not work: use `uv build`.
"""

import sys

try:
    from images.toolkit.cli import main
except ModuleNotFoundError as missing:
    if str(missing.name).startswith("images"):
        raise
    sys.exit(f"build.py needs the package {missing.name}: pip install -r images/requirements.txt, or make images")

if __name__ == "__main__":
    main()
