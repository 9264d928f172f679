"""`keys …`"""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Keys for publishing to other machines.", no_args_is_help=True)


@app.command("new")
def keys_new(
    name: Annotated[str, typer.Argument(help="A word: `studio`, `laptop`.")],
    to: Annotated[
        Path | None, typer.Option(help="Folder; the user's own if not given.", show_default=False)
    ] = None,
) -> None:
    """Make a pair of CURVE keys: NAME.key to give away, NAME.key_secret to keep.

    The publisher: `live 0 --to "zmq+tcp://0.0.0.0:5555?key=studio"`, with the subscribers' .key
    files in the folder `authorised` beside its own key (`&authorised=FOLDER` names another). With
    --to, keys are called by their files: `key=FOLDER/studio.key_secret`. A subscriber:
    `watch "tcp://studio:5555?key=laptop&server=studio.key"`. Keys may be put there while it
    publishes; whose key is taken away is shut out when they connect the next time.
    """
    from stream.keys import AUTHORISED, new_key

    public = new_key(name, to)
    typer.echo(f"{public} - give it away")
    typer.echo(f"{public.with_suffix('.key_secret')} - keep it to yourself")
    typer.echo(f"{public.parent / AUTHORISED} - put the .key files of subscribers here")
