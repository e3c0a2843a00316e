"""Run a service whose clock is wrong: `clock.py SECONDS COMMAND`; at SIGUSR1 it jumps back to what it is elsewhere.

The wall clock alone jumps, for Python's code and that of its C modules alike; monotonic time goes on, as it does when
an administrator or NTP sets a machine's clock.
"""

import runpy
import signal
import sys
import time
from datetime import UTC, datetime, timedelta

import time_machine


def main() -> None:
    """Shift the clock, then be the command."""
    seconds, command = int(sys.argv[1]), sys.argv[2]
    sys.argv = [command]
    travel = time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds), tick=True)
    traveller = travel.start()
    began = time.monotonic()
    true = time.time() - seconds

    def jump(_signal: int, _frame: object) -> None:
        traveller.move_to(true + time.monotonic() - began)

    signal.signal(signal.SIGUSR1, jump)
    runpy.run_path(command, run_name="__main__")


if __name__ == "__main__":
    main()
