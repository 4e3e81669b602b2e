"""Every router of pages: one line for each section."""

from dashboard.pages import (
    account,
    audit,
    home,
    inspector,
    overview,
    signing_in,
    static_files,
)

PAGE_ROUTERS = [
    signing_in.router,
    home.router,
    account.router,
    overview.router,
    inspector.router,
    audit.router,
    static_files.router,
]
