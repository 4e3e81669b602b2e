"""`make bench`: each benchmark beside its floor or peer, as tables and as JSON.

Usage: python -m benchmarks [verifications] [closing] [revocation] [records]
"""

import signal
import sys
import time

from benchmarks import closing, records, revocation, verifications
from benchmarks.children import ChildFailed, Children
from benchmarks.figures import percent
from benchmarks.fleet import FleetFailed
from benchmarks.machine import Company, describe, raise_file_limit

BENCHMARKS = {
    "verifications": verifications.run,
    "closing": closing.run,
    "revocation": revocation.run,
    "records": records.run,
}


def main() -> None:
    """Every benchmark that was named, or each of them, has been run and reported."""
    unknown = set(sys.argv[1:]) - set(BENCHMARKS)
    if unknown:
        sys.exit(f"no such benchmark: {', '.join(sorted(unknown))}; there are {[*BENCHMARKS]}")
    for asked_to_stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(asked_to_stop, signal.default_int_handler)
    raise_file_limit()
    machine = describe()
    print(" · ".join(f"{name}: {value}" for name, value in machine.items()), flush=True)
    began = time.monotonic()
    for name in sys.argv[1:] or BENCHMARKS:
        company = Company()
        with Children() as children:
            report = BENCHMARKS[name](children)
        report.notes.append(f"other programs took {percent(company.share())} of the machine")
        print("\n" + "\n".join(report.lines()))
        print(f"  → {report.write(machine)}", flush=True)
    print(f"\n{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    try:
        main()
    except (ChildFailed, FleetFailed) as failure:
        sys.exit(str(failure))
    except KeyboardInterrupt:
        sys.exit(130)
