"""Hold the import contracts (import-linter) and the declared dependencies (deptry) of every distribution.

Every folder below libs/, services/ and tools/ that has a pyproject.toml must be named in the contracts, so that a new
one cannot go unchecked.
"""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

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
    services = {next((folder / "src").iterdir()).name for folder in ROOT.glob("services/*")}
    for name, found in _contracts(settings["contracts"]).items():
        for package in sorted(services ^ found):
            print(f"{package}: the services in the contract {name!r} of pyproject.toml are not those in services/")
            failed = True
    failed |= bool(subprocess.run([BIN / "lint-imports", "--no-cache"], cwd=ROOT, check=False).returncode)
    for folder in distributions:
        ran = subprocess.run([BIN / "deptry", "src"], cwd=folder, check=False, capture_output=True, text=True)
        if ran.returncode:
            print(f"{folder.relative_to(ROOT)}:\n{ran.stderr}")
            failed = True
    return 1 if failed else 0


def _contracts(contracts: list[dict[str, Any]]) -> dict[str, set[str]]:
    """The services that each contract about services names."""
    named = {contract["name"]: contract for contract in contracts}
    layers = named["Libraries and tools import no service, services not one another"]["layers"][0]
    return {
        "Libraries and tools import no service, services not one another": set(layers.split(" | ")) - {"waybill_cli"},
        "The rooms of a service": set(named["The rooms of a service"]["containers"]),
        "The domain is pure": {each.split(".")[0] for each in named["The domain is pure"]["source_modules"]},
    }


if __name__ == "__main__":
    sys.exit(main())
