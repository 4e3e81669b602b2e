"""The root of our errors. Each class docstring is its default message."""


class WidgetAuthError(Exception):
    """Something went wrong in widget-auth."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class StorageUnavailable(WidgetAuthError):
    """A store does not answer; the same request may succeed later."""


class ProjectBusy(StorageUnavailable):
    """Somebody has held what is needed for too long; others are not concerned."""


class Refused(WidgetAuthError):
    """The request cannot be carried out as asked; repeating it changes nothing."""

    code = "refused"


class NotFound(Refused):
    """There is no such thing."""

    code = "not_found"


class Invalid(Refused):
    """The request is not of the expected form."""

    code = "invalid"


class Conflict(Refused):
    """The request contradicts the present state."""

    code = "conflict"
