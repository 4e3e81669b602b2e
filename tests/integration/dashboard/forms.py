"""What a browser without scripts sends for a form of a page that nobody has touched."""

from html.parser import HTMLParser

Fields = dict[str, list[str]]


class _FormReader(HTMLParser):
    def __init__(self, action: str) -> None:
        super().__init__()
        self.fields: Fields = {}
        self._action = action
        self._within: list[str] = []
        self._text: tuple[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "template" or (tag == "form" and given.get("action") == self._action):
            self._within.append(tag)
        if self._within != ["form"]:
            return
        name, value = given.get("name", ""), given.get("value", "")
        match tag:
            case "input" if given["type"] not in ("checkbox", "radio") or "checked" in given:
                self._add(name, value)
            case "select" | "textarea":
                self._text = name, ""
            case "option" if "selected" in given and self._text:
                self._text = self._text[0], value

    def handle_data(self, data: str) -> None:
        if self._text and self.lasttag == "textarea":
            self._text = self._text[0], self._text[1] + data

    def handle_endtag(self, tag: str) -> None:
        if tag in ("select", "textarea") and self._text:
            self._add(*self._text)
            self._text = None
        if self._within and tag == self._within[-1]:
            self._within.pop()

    def _add(self, name: str, value: str) -> None:
        self.fields.setdefault(name, []).append(value)


def fields_of(page: str, action: str) -> Fields:
    """The fields of the form that is sent there, with what they hold."""
    reader = _FormReader(action)
    reader.feed(page)
    assert "csrf_token" in reader.fields, f"no form for {action}"
    return reader.fields
