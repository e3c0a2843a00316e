"""What is to be done with carriers: buy, see what became of a purchase, give back, see whether the money has come.

No carrier is called inside a transaction. Before one is asked to sell, it is written down that it may have; after that
only its own books say whether it did.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, TypeVar
from uuid import UUID

from waybill_chassis import logging
from waybill_chassis.commands import cause
from waybill_chassis.fold import Caused
from waybill_chassis.transaction import Begin
from waybill_events import Brand, RateRule, Recipient
from waybill_labels import store
from waybill_labels.clients import Carrier, NoAccount, NoBooks, Refused, Sold, TakenBack, Unknown, offers_of
from waybill_labels.domain import (
    Decided,
    Label,
    NotReady,
    NotYet,
    Offer,
    Order,
    Shipment,
    State,
    ask,
    carriers_meant,
    choose,
    failed,
    impersonal,
    nobody_carries,
    not_sold,
    prepare,
    refunded,
    refused,
    sold,
    unclear,
    void_refused,
    voided,
)
from waybill_labels.store.purchases import Due

AT_ONCE: Final = 40
"""Labels of one round; as many calls are under way at a time."""
MOST_RATES: Final = 16
"""How often carriers are asked for rates before somebody is told that they do not answer: for about two minutes."""
FEW_RATES: Final = 4
"""The same where another carrier makes an offer: for some seconds."""
MOST_WAITS: Final = 300
"""How often it is looked whether brand and recipient have come: for about a day."""
LATEST_RATES: Final = timedelta(seconds=10)
LATEST: Final = timedelta(minutes=5)
LATEST_REFUND: Final = timedelta(days=1)
LOST: Final = timedelta(days=60)
"""After it was voided: money that has not come back by then does not."""
Step = Callable[[Order, datetime], Decided]
"""What became of a label, written into its order at a time."""
T = TypeVar("T")
NOTHING_SOLD: Final[Mapping[Due, Sequence[Sold]]] = MappingProxyType({})
_log = logging.get(__name__)


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing is to be written; see about it again after a while."""

    wait: timedelta
    unanswered: bool = False
    """Whether no carrier answered what it would cost, which is counted."""


class NoAnswer(Exception):
    """No carrier answers what a label would cost; one may later."""


@dataclass(frozen=True, slots=True)
class Buy:
    """A purchase that may be made once it is written down."""

    due: Due
    offer: Offer
    shipment: Shipment


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of some labels at the beginning of a round."""

    orders: Mapping[UUID, Order]
    recipients: Mapping[UUID, Recipient]
    brands: Mapping[UUID, Brand]

    def label(self, due: Due) -> Label:
        """The label itself."""
        label = self.orders[due.order_id].label(due.label_id)
        assert label is not None
        return label

    def prepare(self, due: Due) -> Shipment:
        """What is to be carried; raises NotReady, NotYet."""
        order, label = self.orders[due.order_id], self.label(due)
        parcel = order.parcel(label.parcel_id)
        assert parcel is not None
        return prepare(order, parcel, label.wish, self.recipients.get(order.order_id), self.brands.get(order.brand_id))

    def rule(self, due: Due) -> RateRule:
        """The brand's."""
        return self.brands[self.orders[due.order_id].brand_id].rate_rule


@dataclass(frozen=True, slots=True)
class Purchases:
    """Sees carriers about labels. Several processes may do that: each label is one's for a `lease`."""

    begin: Begin[Order]
    carriers: Mapping[str, Carrier]
    lease: timedelta

    async def go_on(self) -> bool:
        """One round; whether there may be more."""
        async with self.begin.database.begin(writes=True) as connection:
            claimed = await store.purchases.claim(connection, AT_ONCE, self.lease)
        if not claimed:
            return False
        async with self.begin.database.begin() as connection:
            orders = await self.begin.store.load(connection, {due.order_id for due in claimed})
            recipients = await store.orders.recipients_of(connection, list(orders))
            brands = await store.orders.brands_of(connection, {order.brand_id for order in orders.values()})
        known = Known(orders, recipients, brands)
        # Another one may have written since it was claimed.
        claimed = [due for due in claimed if known.label(due).state is due.state]
        of_state = {state: [due for due in claimed if due.state is state] for state in State}
        await asyncio.gather(
            self._buy(known, of_state[State.WANTED]),
            self._find(known, of_state[State.ASKED]),
            self._give_back(known, [*of_state[State.VOIDING], *of_state[State.VOIDED]]),
        )
        return len(claimed) == AT_ONCE

    async def _buy(self, known: Known, wanted: Sequence[Due]) -> None:
        """Choose a service for each, write down that it may be bought, and buy it."""
        chosen = dict(zip(wanted, await _all(self._choose(known, due) for due in wanted), strict=True))
        to_buy = [each for each in chosen.values() if isinstance(each, Buy)]
        steps: dict[Due, Step | Later] = {due: each for due, each in chosen.items() if not isinstance(each, Buy)}
        steps |= {each.due: _asked(each) for each in to_buy}
        written = await self._write(steps, taken_up={each.due for each in to_buy})
        # As it was taken up: whoever claims it from now on counts on.
        mine = [each for each in to_buy if each.due in written and written[each.due].state is State.ASKED]
        await self._purchase([replace(each, due=replace(each.due, state=State.ASKED, attempts=1)) for each in mine])

    async def _choose(self, known: Known, due: Due) -> Buy | Step | Later:
        try:
            shipment = known.prepare(due)
            offers = await self._offers(known, due, shipment)
            return Buy(due, choose(offers, shipment, known.label(due).wish, known.rule(due)), shipment)
        except NoAnswer:
            return Later(_backoff(due.unanswered + 1, timedelta(seconds=1), LATEST_RATES), unanswered=True)
        except NotYet as error:
            if due.attempts >= MOST_WAITS:
                return _failed(due, "nothing_came", f"For a day {error}. Ask your operator.")
            return Later(_backoff(due.attempts, timedelta(seconds=1), LATEST))
        except NotReady as error:
            return _failed(due, error.code, str(error))
        except Exception:  # noqa: BLE001  # the next round tries again
            # Whatever it is, it costs this label alone.
            _log.exception("purchase.not_chosen", label_id=str(due.label_id))
            return Later(self.lease)

    async def _offers(self, known: Known, due: Due, shipment: Shipment) -> Sequence[Offer]:
        """What carriers ask for it; raises NoAnswer while one does not answer, and NotReady in the end."""
        said = await offers_of(self.carriers, shipment)
        # Who is silent may be the one that is meant, or the cheapest.
        meant = carriers_meant(known.label(due).wish, known.rule(due))
        patience = MOST_RATES if not said.offers or meant & said.unanswered.keys() else FEW_RATES
        # A round that waited for something else, or whose worker was killed, says nothing of carriers.
        if said.unanswered and due.unanswered + 1 < patience:
            raise NoAnswer
        if said.offers:
            return said.offers
        if not said.unanswered:
            raise nobody_carries(said.refused.values(), shipment)
        raise NotReady("no_answer", f"No carrier answers ({', '.join(said.unanswered.values())}). Try again later.")

    async def _purchase(self, to_buy: Sequence[Buy]) -> None:
        """Buy what is written down, and write down what came of it."""
        answers = await _all(self._ask_to_sell(each) for each in to_buy)
        steps: dict[Due, Step | Later] = {}
        files: dict[Due, Sequence[Sold]] = {}
        for each, answer in zip(to_buy, answers, strict=True):
            match answer:
                case Refused():
                    words = impersonal(answer.words, each.shipment)
                    steps[each.due] = _refused(each.due, f"{each.offer.carrier_name} says: {words}")
                case Unknown():
                    _log.warning("purchase.unanswered", label_id=str(each.due.label_id), why=answer.why)
                    steps[each.due] = Later(timedelta(seconds=self._carrier_of(each.offer).settles_s))
                case _:
                    files[each.due] = [answer]
                    steps[each.due] = _sold(each.due, [answer])
        await self._write_surely(steps, files)

    async def _ask_to_sell(self, buy: Buy) -> Sold | Refused | Unknown:
        try:
            return await self._carrier_of(buy.offer).buy(buy.due.label_id, buy.offer, buy.shipment)
        except Exception as error:  # noqa: BLE001  # what one carrier does costs no other what it sold
            _log.exception("purchase.broke", label_id=str(buy.due.label_id))
            return Unknown(type(error).__name__)

    async def _write_surely(self, steps: Mapping[Due, Step | Later], files: Mapping[Due, Sequence[Sold]]) -> None:
        """Write what was bought, again where that fails: not every carrier can be asked what it sold."""
        left = dict(steps)
        for pause in (0.5, 2.0, None):
            written = await self._write(left, files=files)
            left = {due: step for due, step in left.items() if due in files and due not in written}
            if not left or pause is None:
                break
            await asyncio.sleep(pause)
        for due in left:
            for each in files[due]:
                # Its order stands still, or the database is away: it is looked up, by somebody if need be.
                _log.error(
                    "purchase.sold_and_not_written", label_id=str(due.label_id), number=each.sale.tracking_number
                )

    async def _find(self, known: Known, asked: Sequence[Due]) -> None:
        """See in the carriers' books what became of purchases of which nobody knows; buy what was never sold."""
        answers = await _all(self._carrier(known, due).bought(due.label_id) for due in asked)
        steps: dict[Due, Step | Later] = {}
        files: dict[Due, Sequence[Sold]] = {}
        to_buy: list[Buy] = []
        for due, answer in zip(asked, answers, strict=True):
            label = known.label(due)
            if isinstance(answer, Unknown):
                steps[due] = Later(_backoff(due.attempts, self._settles(known, due), LATEST))
            elif isinstance(answer, NoBooks):
                steps[due] = _unclear(due) if label.exception_id is None else Later(LATEST_REFUND)
            elif answer:
                files[due] = answer
                steps[due] = _sold(due, answer)
            elif label.exception_id is not None:
                # Somebody is about to say.
                steps[due] = Later(LATEST_REFUND)
            elif label.shipment is None or label.shipment.erased:
                steps[due] = _failed(due, "erased", "The recipient was erased before the label was bought.")
            elif label.void_why:
                steps[due] = _not_sold(due)
            else:
                assert label.offer is not None
                to_buy.append(Buy(due, label.offer, label.shipment))
        await self._write(steps, files=files)
        async with self.begin.database.begin(writes=True) as connection:
            mine = await store.purchases.still_mine(connection, [each.due for each in to_buy], self.lease)
        await self._purchase([each for each in to_buy if each.due.label_id in mine])

    async def _give_back(self, known: Known, useless: Sequence[Due]) -> None:
        """Have labels taken back, and see whether the money of those that were has come."""
        answers = await _all(self._void(known, due) for due in useless)
        steps: dict[Due, Step | Later] = {}
        for due, answer in zip(useless, answers, strict=True):
            label = known.label(due)
            match answer:
                case Refused() if due.state is State.VOIDING:
                    certain = due.attempts == 1 or self._carrier(known, due).voids_again
                    steps[due] = _void_refused(due, impersonal(answer.words, label.shipment), certain=certain)
                case TakenBack() if due.state is State.VOIDING or answer.refunded:
                    steps[due] = _taken_back(due, refunded_too=answer.refunded)
                case _ if due.state is State.VOIDED and _lost(label):
                    steps[due] = _void_refused(due, "Nobody said in 60 days that the money came back.")
                case _:
                    latest = LATEST if due.state is State.VOIDING else LATEST_REFUND
                    steps[due] = Later(_backoff(due.attempts, self._settles(known, due), latest))
        await self._write(steps)

    async def _void(self, known: Known, due: Due) -> TakenBack | Refused | Unknown:
        sale = known.label(due).sale
        assert sale is not None
        return await self._carrier(known, due).void(sale)

    def _carrier(self, known: Known, due: Due) -> Carrier:
        offer = known.label(due).offer
        assert offer is not None
        return self._carrier_of(offer)

    def _carrier_of(self, offer: Offer) -> Carrier:
        return self.carriers.get(offer.carrier) or NoAccount(offer.carrier)

    def _settles(self, known: Known, due: Due) -> timedelta:
        return timedelta(seconds=self._carrier(known, due).settles_s)

    async def _write(
        self,
        steps: Mapping[Due, Step | Later],
        *,
        taken_up: Collection[Due] = (),
        files: Mapping[Due, Sequence[Sold]] = NOTHING_SOLD,
    ) -> dict[Due, Label]:
        """Write what became of labels into their orders, all at once, and keep the files; how each is then.

        An order that stands still is left alone: once it goes on, what became of its labels is found again. What the
        database does not take is written by itself, so that one label costs no other.
        """
        if not steps:
            return {}
        try:
            return await self._write_at_once(steps, taken_up, files)
        except Exception as error:  # noqa: BLE001  # what is not written is found again
            if len(steps) == 1:
                _log.warning("purchase.not_written", error=f"{type(error).__name__}: {error}"[:300])
                return {}
        written: dict[Due, Label] = {}
        for due, step in steps.items():
            mine = [due] if due in taken_up else []
            written |= await self._write({due: step}, taken_up=mine, files={due: files.get(due, ())})
        return written

    async def _write_at_once(
        self, steps: Mapping[Due, Step | Later], taken_up: Collection[Due], files: Mapping[Due, Sequence[Sold]]
    ) -> dict[Due, Label]:
        at = datetime.now(UTC)
        written: dict[Due, Label] = {}
        async with self.begin.on_known([due.order_id for due in steps], None) as tx:
            free = [id_ for id_, stream in tx.streams.items() if not stream.parked]
            mine = await store.purchases.still_mine(tx.connection, taken_up, self.lease)
            before = await tx.load(free)
            orders, told = dict(before), list[Caused]()
            for due, step in steps.items():
                if due.order_id not in orders or (due in taken_up and due.label_id not in mine):
                    continue
                if not isinstance(step, Later):
                    orders[due.order_id], events = step(orders[due.order_id], at)
                    why = cause(due.order_id, actor="rule:labels", source="rule/labels", at=at)
                    told += [Caused(event, why) for event in events]
                label = orders[due.order_id].label(due.label_id)
                assert label is not None
                written[due] = label
            # People before labels, as who erases them locks both.
            sold_ = [(orders[due.order_id], each.file) for due in written for each in files.get(due, ()) if each.file]
            await store.orders.keep_labels(tx.connection, sold_, at)
            await tx.save({id_: order for id_, order in orders.items() if order is not before[id_]})
            await tx.publish(told)
            await store.purchases.take_up(tx.connection, mine, self.lease)
            waits = {due.label_id: step for due, step in steps.items() if isinstance(step, Later)}
            await store.purchases.later(tx.connection, {label_id: step.wait for label_id, step in waits.items()})
            unanswered = [label_id for label_id, step in waits.items() if step.unanswered]
            await store.purchases.unanswered(tx.connection, unanswered)
        return written


async def _all(calls: Iterable[Awaitable[T]]) -> list[T]:
    return list(await asyncio.gather(*calls))


def _backoff(tries: int, first: timedelta, latest: timedelta) -> timedelta:
    """Twice as long each time."""
    times: int = 2 ** min(tries - 1, 20)
    return min(max(first, timedelta(milliseconds=100)) * times, latest)


def _lost(label: Label) -> bool:
    return label.voided_at is not None and datetime.now(UTC) - label.voided_at > LOST


def _asked(buy: Buy) -> Step:
    return lambda order, _at: (ask(order, buy.due.label_id, buy.offer, buy.shipment), [])


def _sold(due: Due, answer: Sequence[Sold]) -> Step:
    return lambda order, at: sold(order, due.label_id, [each.sale for each in answer], at)


def _not_sold(due: Due) -> Step:
    return lambda order, _at: (not_sold(order, due.label_id), [])


def _unclear(due: Due) -> Step:
    return lambda order, at: unclear(order, due.label_id, at)


def _failed(due: Due, code: str, words: str) -> Step:
    return lambda order, at: failed(order, due.label_id, code, words, at)


def _refused(due: Due, says: str) -> Step:
    return lambda order, at: refused(order, due.label_id, says, at)


def _void_refused(due: Due, words: str, *, certain: bool = True) -> Step:
    more = "" if certain else " It did not answer before: it may be void. Look in your account there."
    return lambda order, at: void_refused(order, due.label_id, words + more, at, certain=certain)


def _taken_back(due: Due, *, refunded_too: bool) -> Step:
    def step(order: Order, at: datetime) -> Decided:
        after, events = voided(order, due.label_id, at)
        if not refunded_too:
            return after, events
        paid, more = refunded(after, due.label_id, at)
        return paid, [*events, *more]

    return step
