"""Streamed chat completions, read from their bytes."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.model import Delta, TokenUsage
from citewell_adapters.openai.chat_events import ChatEvents, ToldError


def event(body: object) -> bytes:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n".encode()


def chunk(text: object, **others: Any) -> bytes:
    return event({"choices": [{"index": 0, "delta": {"content": text}}], **others})


def read(*parts: bytes) -> list[Delta]:
    events = ChatEvents()
    return [delta for delta in (*(events.feed(part) for part in parts), events.end()) if delta is not None]


REPLY = (
    chunk("")
    + chunk("Fähre ")
    + b": ping\n\n"
    + chunk("um neun 🚢")
    + event({"usage": None})
    + b"data: [DONE]\n\n"
)


@given(cuts=st.lists(st.integers(0, len(REPLY)), max_size=8), ends=st.sampled_from([b"\n", b"\r\n"]))
def test_a_reply_may_arrive_in_any_cut(cuts: list[int], ends: bytes) -> None:
    """In the middle of a character too; the text is the same."""
    places = [0, *sorted(cuts), len(REPLY)]
    reply = [REPLY[start:end] for start, end in itertools.pairwise(places)]
    assert "".join(delta.text for delta in read(*(part.replace(b"\n", ends) for part in reply))) == (
        "Fähre um neun 🚢"
    )


def test_what_arrives_at_the_same_time_is_one_piece() -> None:
    """With what the reply cost, if that is told."""
    usage = event({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}})
    assert read(chunk("a") + chunk("b"), chunk("c") + usage) == [Delta("ab"), Delta("c", TokenUsage(7, 2))]


def test_nothing_counts_behind_the_end() -> None:
    """And the end is known."""
    events = ChatEvents()
    assert events.feed(chunk("a") + b"data: [DONE]\n\n" + chunk("b")) == Delta("a")
    assert events.is_done


def test_the_last_event_needs_no_empty_line() -> None:
    """Some servers leave it out."""
    assert read(chunk("a"), chunk("b").rstrip()) == [Delta("a"), Delta("b")]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"choices": None},
        {"choices": [{}]},
        {"choices": [{"delta": None}]},
        {"choices": [{"delta": {"content": None}}]},
        {"choices": [{"delta": {"content": [1]}}]},
        {"choices": [], "usage": {"prompt_tokens": 1}},
    ],
)
def test_what_says_nothing_is_nothing(body: object) -> None:
    """Whatever servers put around their text."""
    assert read(event(body)) == []


@pytest.mark.parametrize(
    ("arrived", "told"),
    [
        (event({"error": {"message": "out of memory"}}), "out of memory"),
        (event({"error": "out of memory"}), "out of memory"),
        (event({"error": {"code": 1}}), "broke off"),
        (event([]), "no object"),
        (b"data: " + b"x" * (1 << 20), "without an end"),
    ],
)
def test_an_error_is_told(arrived: bytes, told: str) -> None:
    """In the words of the endpoint, where it has any."""
    with pytest.raises(ToldError, match=told):
        read(arrived)


def test_what_is_no_json_is_refused() -> None:
    """As a reply that is not JSON."""
    with pytest.raises(json.JSONDecodeError):
        read(b"data: {oops\n\n")
