"""`make demo`: plays the whole story, prints every step with its time, fails if one fails.

With a path as argument it also leaves a picture there of what it printed: `make recording`.
"""

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
    picture = Path(sys.argv[1]) if sys.argv[1:] else None
    page = Page(to_be_drawn=picture is not None)
    try:
        with tempfile.TemporaryDirectory(prefix="widget-auth-demo-") as folder:
            status = asyncio.run(_play(Path(folder), page))
    except KeyboardInterrupt:
        return 130
    if picture and status == 0:
        page.draw(picture)
    return status


async def _play(folder: Path, page: Page) -> int:
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
