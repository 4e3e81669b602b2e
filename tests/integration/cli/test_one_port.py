"""Whose request is it, where gateway and dashboard share a port."""

import pytest

from cli.one_port import is_the_gateways


@pytest.mark.parametrize(
    "path",
    [
        "/v1/socket",
        "/healthz",
        "/readyz",
        "/metrics",
        "/widget/tiledesk.js",
        "/auth/signinWithCustomToken",
        "/auth/signinAnonymously",
    ],
)
def test_what_widgets_and_probes_ask_for_is_the_gateways(path: str) -> None:
    """The contract's list of HTTP on the gateway."""
    assert is_the_gateways(path)


@pytest.mark.parametrize(
    "path",
    ["", "/", "/api/v1/projects", "/auth/signin", "/0190/keys/generate", "/widgets", "/healthz/"],
)
def test_everything_else_is_the_dashboards(path: str) -> None:
    """Pages, the admin API, and the drop-in endpoints that need SQL."""
    assert not is_the_gateways(path)
