"""Every router of pages: one line for each section."""

from dashboard.pages import (
    account,
    audit,
    home,
    hours,
    inbox,
    inspector,
    overview,
    rotation_changes,
    rotations,
    secrets,
    signing_in,
    static_files,
    visitor,
    visitors,
)

PAGE_ROUTERS = [
    signing_in.router,
    home.router,
    account.router,
    overview.router,
    inbox.router,
    visitors.router,
    visitor.router,
    secrets.router,
    rotations.router,
    rotation_changes.router,
    hours.router,
    inspector.router,
    audit.router,
    static_files.router,
]
