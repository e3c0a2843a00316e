"""Run mypy and pyright, both strict, over every distribution; fail when either looked at nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def main() -> int:
    """Print what the checkers found; 1 when it was anything, or when they read no file."""
    sources = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("*/*/src"))
    path = {**os.environ, "MYPYPATH": ":".join(sources)}
    mypy = subprocess.run([BIN / "mypy", *sources, "bench", "tools/checks"], cwd=ROOT, check=False, env=path)
    ran = subprocess.run([BIN / "pyright", "--outputjson"], cwd=ROOT, check=False, capture_output=True, text=True)
    report = json.loads(ran.stdout)
    for found in report["generalDiagnostics"]:
        line = found["range"]["start"]["line"] + 1
        print(f"{found['file']}:{line}: {found['severity']}: {found['message']} ({found.get('rule', '')})")
    files, errors = report["summary"]["filesAnalyzed"], report["summary"]["errorCount"]
    print(f"pyright: {files} files, {errors} errors")
    return 1 if mypy.returncode or ran.returncode or files == 0 or not sources else 0


if __name__ == "__main__":
    sys.exit(main())
