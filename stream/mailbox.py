"""The hand-over between two threads: one item, newest-wins or every one."""

from collections.abc import Callable, Sequence
from threading import Condition
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """A place for one waiting item.

    :meth:`offer` never waits: the newest item replaces the waiting one (a live source).
    :meth:`put` waits until there is room: nothing is lost (a file).

    Args:
        changed: a condition to share with other mailboxes, for :func:`take_ready`.
    """

    def __init__(self, changed: Condition | None = None) -> None:
        self._changed = changed or Condition()
        self._item: T | None = None
        self._closed = False

    @property
    def closed(self) -> bool:
        """Nothing more will come, though an item may still wait."""
        return self._closed

    @property
    def waiting(self) -> T | None:
        """The item that waits, which stays where it is."""
        return self._item

    def offer(self, item: T) -> T | None:
        """Leave an item; returns the one that it replaced, or itself if the mailbox is closed."""
        with self._changed:
            if self._closed:
                return item
            replaced, self._item = self._item, item
            self._changed.notify_all()
            return replaced

    def put(self, item: T) -> bool:
        """Wait for room, then leave an item; False where the mailbox was closed instead."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is None or self._closed)
            if self._closed:
                return False
            self._item = item
            self._changed.notify_all()
            return True

    def take(self, timeout_s: float | None = None) -> T | None:
        """Wait for an item; None when the time is over, or when closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed, timeout_s)
            return self._pop()

    def close(self) -> None:
        """Let no more items in. Whoever waits is woken; a waiting item can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _pop(self) -> T | None:
        item, self._item = self._item, None
        if item is not None:
            self._changed.notify_all()
        return item


def take_ready(
    boxes: Sequence[Mailbox[T]],
    changed: Condition,
    *,
    stop: Callable[[], bool] = lambda: False,
    timeout_s: float | None = None,
) -> list[T]:
    """Wait until any of the mailboxes has an item and take one of each that has.

    Args:
        changed: the condition that all of them share.
        stop: looked at on each change; notify ``changed`` after making it true.

    Returns:
        At most one item a mailbox; empty when all are closed and empty, ``stop()`` is true, or the
        time is over.
    """
    with changed:
        changed.wait_for(
            lambda: (
                stop()
                or any(box._item is not None for box in boxes)
                or all(box.closed for box in boxes)
            ),
            timeout_s,
        )
        items = [box._pop() for box in boxes]
        return [item for item in items if item is not None]
