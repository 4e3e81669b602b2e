"""A crowd in a project, made by the database itself."""

# ruff: noqa: S608 - the only values are our own numbers

from tests.integration.people.site import PeopleSite

# A statement has eight seconds, also on a slow machine.
AT_ONCE = 5_000

_MOMENT = "'2026-01-01T00:00:00.000000Z'"
_DEVICES = {"004": "001", "005": "001", "006": "002", "007": "002"}
_MESSAGES = {"00a": ("001", "004"), "00b": ("002", "006")}


def populate(site: PeopleSite, first: int, last: int) -> None:
    """The persons of these numbers, each with an absorbed record, four devices, two messages."""
    key_id = site.sign_in(site.socket(), "ada").key_id
    for number in range(first, last + 1, AT_ONCE):
        for statement in _Crowd(site, number, min(last, number + AT_ONCE - 1)).script(key_id):
            site.database.write(lambda db, s=statement: db.exec_driver_sql(s))
    site.database.write(lambda db: db.exec_driver_sql("ANALYZE"))


def person_id(number: int) -> str:
    """The record of the person with that number."""
    return f"01900000-0000-7000-8001-{number:012x}"


def device_id(number: int) -> str:
    """A device of that person with which nobody ever wrote."""
    return f"01900000-0000-7000-8005-{number:012x}"


class _Crowd:
    def __init__(self, site: PeopleSite, first: int, last: int) -> None:
        self._project = f"'{site.project_id}'"
        self._is_sqlite = site.database.is_sqlite
        series = f"SELECT n FROM generate_series({first}, {last}) AS g(n)"
        if self._is_sqlite:
            rest = f"SELECT n + 1 FROM g WHERE n < {last}"
            series = f"WITH RECURSIVE g(n) AS (SELECT {first} UNION ALL {rest}) SELECT n FROM g"
        self._numbers = f"({series}) t"

    def script(self, key_id: str) -> list[str]:
        """The statements, in an order that every reference can follow."""
        return [
            self._insert(
                "visitors",
                id=self._id("001"),
                custom_id="'person-' || n",
                authenticated_by=f"'{key_id}'",
                last_message_id=self._id("00b"),
                created_at=_MOMENT,
            ),
            self._insert(
                "visitors", id=self._id("002"), merged_into=self._id("001"), created_at=_MOMENT
            ),
            self._insert(
                "merges",
                id=self._id("003"),
                survivor_id=self._id("001"),
                absorbed_id=self._id("002"),
                merged_at=_MOMENT,
                request_id="'r'",
            ),
            *(self._device(kind, owner) for kind, owner in _DEVICES.items()),
            *(self._message(kind, *of) for kind, of in _MESSAGES.items()),
            self._insert(
                "outbox",
                event_id=self._id("009"),
                kind="'VisitorVerified'",
                payload=self._verified(key_id),
                created_at=_MOMENT,
                next_attempt_at=_MOMENT,
                done_at=_MOMENT,
                attempts="0",
            ),
        ]

    def _device(self, kind: str, owner: str) -> str:
        return self._insert(
            "devices", id=self._id(kind), visitor_id=self._id(owner), created_at=_MOMENT
        )

    def _message(self, kind: str, owner: str, device: str) -> str:
        return self._insert(
            "messages",
            id=self._id(kind),
            visitor_id=self._id(owner),
            device_id=self._id(device),
            client_id="'m'",
            author="'visitor'",
            text="'hello'",
            sent_at=_MOMENT,
        )

    def _insert(self, table: str, **values: str) -> str:
        columns = ", ".join(["project_id", *values])
        chosen = ", ".join([self._project, *(self._typed(c, v) for c, v in values.items())])
        return f"INSERT INTO {table} ({columns}) SELECT {chosen} FROM {self._numbers}"

    def _typed(self, column: str, value: str) -> str:
        if self._is_sqlite:
            return value
        if column == "payload":
            return f"({value})::jsonb"
        return f"{value}::timestamptz" if column.endswith("_at") else value

    def _verified(self, key_id: str) -> str:
        return f"""'{{"key_id": "{key_id}", "visitor_id": "' || {self._id("001")} || '"}}'"""

    def _id(self, kind: str) -> str:
        digits = "printf('%012x', n)" if self._is_sqlite else "lpad(to_hex(n), 12, '0')"
        return f"'01900000-0000-7000-8{kind}-' || {digits}"
