"""Rows that belong to a project, or to none: those of the whole installation's owners."""

import sqlalchemy as sa

from domain.ids import ProjectId


def belongs_to(column: sa.Column[str], project_id: ProjectId | None) -> sa.ColumnElement[bool]:
    """The condition that a row is that project's, or an owner's if there is none."""
    return column.is_(None) if project_id is None else column == project_id
