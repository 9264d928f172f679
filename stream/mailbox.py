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
        may_leave: whether :func:`take_ready` may take the item now; notify ``changed`` when it
            becomes true.
    """

    def __init__(
        self, changed: Condition | None = None, may_leave: Callable[[], bool] = lambda: True
    ) -> None:
        self._changed = changed or Condition()
        self._may_leave = may_leave
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

    @property
    def ready(self) -> bool:
        """An item waits, and may leave."""
        return self._item is not None and self._may_leave()

    @property
    def has_room(self) -> bool:
        """:meth:`put` does not wait, as long as nobody else puts anything in."""
        return self._item is None or self._closed

    @property
    def over(self) -> bool:
        """Nothing waits, and nothing more will come."""
        return self._item is None and self._closed

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
    """Wait until an item of any of the mailboxes may leave, and take one of each where one may.

    Args:
        changed: the condition that all of them share.
        stop: looked at on each change; notify ``changed`` after making it true.

    Returns:
        At most one item a mailbox; empty when all are closed and empty, ``stop()`` is true, or the
        time is over.
    """
    with changed:
        changed.wait_for(
            lambda: stop() or any(box.ready for box in boxes) or all(box.over for box in boxes),
            timeout_s,
        )
        items = [box._pop() for box in boxes if box.ready]
        return [item for item in items if item is not None]
