"""What a client may believe of what it was told."""

from waybill_chaos.history import Command


def test_a_refusal_after_an_attempt_that_nobody_answered_proves_nothing() -> None:
    command = Command("ship", "N1", {})

    command.note(None, "ReadTimeout")
    command.note(409, "nothing open", refused=True)

    assert command.outcome == "unknown"


def test_what_was_accepted_stays_accepted() -> None:
    command = Command("ship", "N1", {})

    command.note(503, "busy")
    command.note(201, "shipped", accepted=True)
    command.note(409, "parked", refused=True)

    assert command.outcome == "accepted"


def test_a_refusal_that_was_the_first_word_is_one() -> None:
    command = Command("ship", "N1", {})

    command.note(404, "not there yet")
    command.note(422, "no such line", refused=True)

    assert command.outcome == "refused"
