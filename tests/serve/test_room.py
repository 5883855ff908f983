"""Room that requests share: who comes when it is taken is told so, and what one held is another's when it has ended."""

import pytest

from serve.errors import Overloaded
from serve.room import Room


def test_requests_hold_no_more_together_than_there_is_room_for() -> None:
    room = Room(10)
    with room.one() as first, room.one() as second:
        first(4)
        second(6)
        with pytest.raises(Overloaded, match="send this one again later") as refused:
            first(1)
        assert (refused.value.status, refused.value.retry_after) == (429, 1)
        assert room.taken == 10


def test_what_one_held_is_anothers_when_it_has_ended_even_badly() -> None:
    room = Room(10)
    with pytest.raises(ValueError, match="the request failed"), room.one() as hold:
        hold(10)
        raise ValueError("the request failed")
    with room.one() as hold:
        hold(10)
