"""`make demo`: plays the whole story, prints every step with its time, fails if one fails."""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from cli.demonstration.page import Page
from cli.demonstration.story import Story, StoryFailed
from cli.demonstration.system import System


def main() -> int:
    """The exit code: 0 when every step went as it must."""
    try:
        with tempfile.TemporaryDirectory(prefix="widget-auth-demo-") as folder:
            return asyncio.run(_play(Path(folder)))
    except KeyboardInterrupt:
        return 130


async def _play(folder: Path) -> int:
    page = Page()
    begun = time.perf_counter()
    page.step("A whole system starts: Redis, database, workers, beat, gateway, dashboard.")
    try:
        async with System(folder) as system:
            page.timed((time.perf_counter() - begun) * 1000, f"ready at {system.url}")
            try:
                await Story(system, page).play()
            except (StoryFailed, OSError, TimeoutError) as error:
                sys.stderr.write(f"\nThe story failed: {error or type(error).__name__}\n")
                sys.stderr.write(f"The last lines of the system:\n{system.last_lines()}\n")
                return 1
            stopping = time.perf_counter()
    except (OSError, RuntimeError, TimeoutError) as error:
        sys.stderr.write(f"\n{error or type(error).__name__}\n")
        return 1
    page.step("Everything stops.")
    page.timed((time.perf_counter() - stopping) * 1000, "no process is left")
    return 0


if __name__ == "__main__":
    sys.exit(main())
