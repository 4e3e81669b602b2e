"""Whether a request of this origin and address about a project is listened to."""

import asyncio
import random
from http import HTTPStatus
from time import monotonic

from domain.cards import Card
from domain.ids import ProjectId
from domain.retry_times import spread_retry_ms
from gateway.card_shelf import CardAnswer, NoCard
from gateway.connect_limits import ConnectLimits
from gateway.context import NodeContext
from gateway.drop_in_answers import Denied, OriginDenied, too_many, unavailable
from gateway.drop_in_requests import DropInHead
from gateway.hellos import admits_origin

LONGEST_WINDOW_MS = 60_000


class ProjectUnknown(Denied):
    """There is no such project."""

    def __init__(self) -> None:
        super().__init__(HTTPStatus.NOT_FOUND, "unknown_project", type(self).__doc__ or "")


def try_again() -> Denied:
    """Nobody can say just now; not everybody is to come back at once."""
    return unavailable(spread_retry_ms(random.random()))  # noqa: S311 - jitter, no secret


async def admit(
    node: NodeContext, limits: ConnectLimits, project_id: ProjectId, head: DropInHead
) -> Card:
    """The project's card; the request is within its limit and of an origin that it allows.

    An address may ask as often as it may open sockets, counted apart from those.

    Raises:
        ProjectUnknown: SQL says so.
        Denied: 429, 503, or 403 for the origin.
    """
    card = node.shelf.find_card(project_id)
    if card is None:
        if not limits.admit_to_unheld(head.address, monotonic()):
            raise too_many(LONGEST_WINDOW_MS)
        card = await _get_card(node, project_id)
    most = card.limits.connects_per_address
    if not limits.admit(project_id, head.address, most, monotonic()):
        raise too_many(LONGEST_WINDOW_MS)
    if not admits_origin(card, head.origin):
        raise OriginDenied
    return card


async def _get_card(node: NodeContext, project_id: ProjectId) -> Card:
    known: asyncio.Future[CardAnswer] = asyncio.get_running_loop().create_future()

    def tell(answer: CardAnswer) -> None:
        if not known.done():
            known.set_result(answer)

    node.shelf.ask(project_id, tell)
    answer = await known
    if answer is NoCard.UNKNOWN:
        raise ProjectUnknown
    if isinstance(answer, NoCard):
        raise try_again()
    return answer
