from threading import Condition, Thread

from hypothesis import given
from hypothesis import strategies as st

from stream.mailbox import Mailbox, take_ready


@given(st.lists(st.integers(), min_size=1))
def test_offer_keeps_the_newest_and_gives_back_every_other(items: list[int]) -> None:
    box: Mailbox[int] = Mailbox()
    replaced = [box.offer(item) for item in items]
    assert box.take(0) == items[-1]
    assert replaced == [None, *items[:-1]]


def test_put_waits_and_loses_nothing() -> None:
    box: Mailbox[int] = Mailbox()
    taken: list[int] = []

    def consume() -> None:
        while (item := box.take()) is not None:
            taken.append(item)

    consumer = Thread(target=consume)
    consumer.start()
    assert all(box.put(number) for number in range(1, 2000))
    box.close()
    consumer.join(10)
    assert taken == list(range(1, 2000))


def test_closing_frees_whoever_waits_to_put() -> None:
    box: Mailbox[int] = Mailbox()
    box.put(1)
    results: list[bool] = []
    waiter = Thread(target=lambda: results.append(box.put(2)))
    waiter.start()
    box.close()
    waiter.join(10)
    assert results == [False]
    assert box.take(0) == 1


def test_closed_mailbox_takes_nothing_but_gives_what_waits() -> None:
    box: Mailbox[int] = Mailbox()
    box.offer(1)
    box.close()
    assert box.offer(2) == 2
    assert box.take() == 1
    assert box.take() is None


def test_take_gives_up_when_the_time_is_over() -> None:
    assert Mailbox[int]().take(0.01) is None


def test_take_ready_takes_one_of_each_that_has_one() -> None:
    changed = Condition()
    boxes: list[Mailbox[str]] = [Mailbox(changed) for _ in range(3)]
    boxes[0].offer("a")
    boxes[2].offer("c")
    assert take_ready(boxes, changed) == ["a", "c"]


def test_take_ready_wakes_for_a_late_item_and_for_the_end() -> None:
    changed = Condition()
    boxes: list[Mailbox[str]] = [Mailbox(changed) for _ in range(2)]
    results: list[list[str]] = []

    def serve() -> None:
        while items := take_ready(boxes, changed):
            results.append(items)

    server = Thread(target=serve)
    server.start()
    boxes[1].put("late")
    for box in boxes:
        box.close()
    server.join(10)
    assert not server.is_alive()
    assert results == [["late"]]


def test_take_ready_gives_up_when_the_time_is_over() -> None:
    changed = Condition()
    assert take_ready([Mailbox[int](changed)], changed, timeout_s=0.01) == []
