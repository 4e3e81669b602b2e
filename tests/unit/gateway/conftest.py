import pytest


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The event loop that the gateway runs on."""
    return "asyncio", {"use_uvloop": True}
