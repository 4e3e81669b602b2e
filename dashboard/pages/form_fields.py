"""All fields of a form, for forms whose fields are not known beforehand."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import FormData


async def _fields(request: Request) -> FormData:
    return await request.form()


Fields = Annotated[FormData, Depends(_fields)]
