import threading

import pytest

from lvtools.errors import ArgumentError
from lvtools.evaluation.threads import map_ordered


@pytest.mark.parametrize("threads", [1, 2, 7, None])
def test_order_is_kept(threads):
    assert list(map_ordered(lambda x: x * x, range(100), threads)) == [x * x for x in range(100)]
    assert list(map_ordered(str, [], threads)) == []


def test_items_are_drawn_as_answers_are_taken():
    drawn = []

    def items():
        for at in range(1000):
            drawn.append(at)
            yield at

    answers = map_ordered(lambda x: x, items(), 3)
    for at in range(5):
        assert next(answers) == at
    assert len(drawn) <= 5 + 4 * 3
    answers.close()
    assert len(drawn) <= 5 + 4 * 3


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_comes_in_its_place(threads):
    def work(x):
        if x == 2:
            raise ZeroDivisionError(x)
        return x

    answers = map_ordered(work, range(5), threads)
    assert [next(answers), next(answers)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(answers)


def test_several_threads_are_at_work_and_gone_afterwards():
    before = threading.active_count()
    meet = threading.Barrier(2, timeout=30)
    assert len(list(map_ordered(lambda _: meet.wait(), range(2), 2))) == 2
    assert threading.active_count() == before
    with pytest.raises(ArgumentError, match="threads=0"):
        map_ordered(str, [], 0)
