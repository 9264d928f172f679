"""The gate that every session goes through: the participant's consent, and who recorded it."""

from rich.prompt import Confirm, Prompt

from stream.commands.common import console
from stream.errors import StreamError


def ask_consent(save_video: bool) -> str:
    """The consent gate; asks until who recorded the consent, and when, is said.

    Raises:
        StreamError: there is nobody to ask, or consent was not given.
    """
    ask = console()
    if not ask.is_terminal:
        raise StreamError(
            "nobody is here to ask for consent; say who recorded it, and when: "
            '--consent-recorded "A. B., form of 2026-11-03"'
        )
    ask.print(
        "The participant must know that hand movements are recorded, what for, who will see them,\n"
        "how long they are kept, and that they can be deleted (session delete)."
    )
    if save_video:
        ask.print(
            "The same of the video: all that the camera sees is kept (--save-video), faces, too."
        )
    if not Confirm.ask("Has the participant agreed to that?", console=ask, default=False):
        raise StreamError("no session without consent")
    while not (record := Prompt.ask("Who recorded it, and when?", console=ask).strip()):
        ask.print("This is what proves the consent; write a name or initials, and a date.")
    return record
