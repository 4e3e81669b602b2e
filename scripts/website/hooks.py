"""MkDocs' hooks: pages that are made from the code, and what is drawn or taken over on a page."""

import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # MkDocs loads this file by its path

from scripts.website import (  # noqa: E402 - needs the path above
    commands,
    environment,
    http_api,
    messages,
    navigation,
    other_files,
    state_diagrams,
)

_GENERATED = {
    "reference/command-line.md": commands.page,
    "reference/settings.md": environment.page,
    "reference/http-api.md": http_api.page,
    "reference/socket.md": messages.socket_page,
    "reference/tasks-and-events.md": messages.queues_page,
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The generated pages are among the files, and the navigation names all that there are."""
    for path, make in _GENERATED.items():
        files.append(File.generated(config, path, content=make()))
    pages = [file.src_uri for file in files.documentation_pages()]
    config.nav = navigation.of(pages)
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """What the page takes over stands in it, and its state diagrams are drawn."""
    taken_over = other_files.take_over(markdown, ROOT, page.file.src_uri)
    return state_diagrams.draw_all(taken_over)


def on_post_build(config: MkDocsConfig) -> None:
    """Nothing of the site can be loaded from another host.

    The theme fetches a drawing library from one for diagrams that are not drawn yet; ours are.
    """
    for script in Path(config.site_dir, "assets", "javascripts").glob("*.js"):
        text = script.read_text()
        changed = text.replace("https://unpkg.com/", "/not-loaded/")
        if changed != text:
            script.write_text(changed)
