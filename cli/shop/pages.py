"""The shop's two pages, filled in, and the files that they load."""

import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Final

from cli.shop.configuration import ShopConfiguration
from cli.shop.people import CUSTOMERS, Customer

_FOLDER: Final = Path(__file__).parent / "files"

# Every file that a page loads, with its type; nothing else can be had.
FILES: Final[Mapping[str, tuple[str, bytes]]] = {
    f"/{name}": (kind, (_FOLDER / name).read_bytes())
    for name, kind in {
        "shop.css": "text/css",
        "shop.js": "text/javascript",
        "lamp.svg": "image/svg+xml",
        "kettle.svg": "image/svg+xml",
        "chair.svg": "image/svg+xml",
        "mark.svg": "image/svg+xml",
    }.items()
}


def shop_page(customer: Customer | None, gateway: str) -> str:
    """What is on sale, and who may log in."""
    return _fill("shop.html", account=_account(customer), gateway=escape(gateway))


def back_office_page(configuration: ShopConfiguration, gateway: str, said: str = "") -> str:
    """Which secret the shop signs with, by its last characters, and where to paste another."""
    secret = configuration.secret
    state = f"It ends in <code>{escape(secret[-4:])}</code>." if secret else "There is none yet."
    return _fill(
        "back_office.html",
        state=state,
        said=f'<p class="said" role="status">{escape(said)}</p>' if said else "",
        gateway=escape(gateway),
        project=escape(configuration.project_id),
    )


def settings_script(configuration: ShopConfiguration, gateway: str) -> str:
    """What the chat widget has to know, for the page to load before it."""
    settings = {
        "projectid": configuration.project_id,
        "gateway": gateway,
        # So that whoever watches the demo need not wait; left out, it is a minute.
        "longestPauseSeconds": 3,
    }
    return f"window.tiledeskSettings = {json.dumps(settings)};\n"


def _account(customer: Customer | None) -> str:
    if customer:
        return (
            f"<p>Logged in as <b>{escape(customer.name)}</b></p>"
            '<form method="post" action="/log-out"><button>Log out</button></form>'
        )
    buttons = "".join(
        f'<button name="customer" value="{escape(each.number)}">{escape(each.name)}</button>'
        for each in CUSTOMERS.values()
    )
    return f'<p>Log in as</p><form method="post" action="/log-in">{buttons}</form>'


def _fill(name: str, **values: str) -> str:
    return Template((_FOLDER / name).read_text()).substitute(values)
