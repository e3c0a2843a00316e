"""Hold the import contracts (import-linter) and the declared dependencies (deptry) of every distribution.

Every folder below libs/, services/ and tools/ that has a pyproject.toml must be named in the contracts, so that a new
one cannot go unchecked.
"""

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def main() -> int:
    """Print what breaks a contract; 1 when something does or when a distribution is not under contract."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    distributions = sorted(path.parent for path in ROOT.glob("*/*/pyproject.toml"))
    packages = {next((folder / "src").iterdir()).name for folder in distributions}
    failed = not distributions
    for package in sorted(packages ^ set(settings["root_packages"])):
        print(f"{package} is not both a distribution and one of root_packages in pyproject.toml")
        failed = True
    failed |= bool(subprocess.run([BIN / "lint-imports", "--no-cache"], cwd=ROOT, check=False).returncode)
    for folder in distributions:
        ran = subprocess.run([BIN / "deptry", "src"], cwd=folder, check=False, capture_output=True, text=True)
        if ran.returncode:
            print(f"{folder.relative_to(ROOT)}:\n{ran.stderr}")
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
