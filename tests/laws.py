"""The laws of a mergeable state, for any metric: one call checks them all."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest


def check_state_laws(cls: Any, batches: Sequence[Any], whole: Any = None) -> None:
    """`classify_many` are states of parts; `whole`, when given, is the state of everything in one pass."""
    empty = cls.empty()
    total = reduce(lambda left, right: left.merge(right), batches, empty)
    if whole is not None:
        assert total == whole, "any split equals one pass"
    for one in batches:
        assert one.merge(empty) == one, "neutral on the right"
        assert empty.merge(one) == one, "neutral on the left"
        check_round_trips(cls, one)
    for a, b in pairwise(batches):
        assert a.merge(b) == b.merge(a), "commutative"
    for a, b, c in zip(batches, batches[1:], batches[2:], strict=False):
        assert a.merge(b).merge(c) == a.merge(b.merge(c)), "associative"
    backwards = reduce(lambda left, right: right.merge(left), batches, empty)
    assert backwards == total, "any order"
    check_round_trips(cls, empty)
    check_round_trips(cls, total)


def check_immutable(state: Any) -> None:
    """No attribute can be set, and what the attributes hold cannot be changed either."""
    for one in dataclasses.fields(state):
        value = getattr(state, one.name)
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(state, one.name, value)
        if isinstance(value, np.ndarray):
            assert not value.flags.writeable, one.name
        elif dataclasses.is_dataclass(value):
            check_immutable(value)
        else:
            assert isinstance(value, (int, float, str, tuple, MappingProxyType)), one.name


def check_round_trips(cls: Any, state: Any) -> None:
    assert cls.from_arrow(state.to_arrow()) == state, "through Arrow"
    again = pickle.loads(pickle.dumps(state))  # noqa: S301 - our own bytes
    assert again == state, "through pickle"
    check_immutable(state)
    check_immutable(again)
    check_immutable(cls.from_arrow(state.to_arrow()))
    assert hash(again) == hash(state)
