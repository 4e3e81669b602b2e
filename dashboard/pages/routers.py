"""Every router of pages: one line for each section."""

from dashboard.pages import account, home, signing_in, static_files

PAGE_ROUTERS = [
    signing_in.router,
    home.router,
    account.router,
    static_files.router,
]
