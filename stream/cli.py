"""Where the program begins: what goes wrong in a command ends in one line."""

import os
import sys
import threading
from contextlib import suppress
from io import TextIOWrapper

from calibration.errors import CalibrationError
from engines.errors import EngineError, ProfileError
from stream.errors import StreamError


def main() -> None:
    """Run the command; what is known to go wrong ends in one line and exit status 1."""
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="replace")  # code pages lack the bullets of --help
    try:
        _run()
    except SystemExit as end:
        if any(thread.daemon for thread in threading.enumerate()):
            # one that compiles, or hangs in a driver, would abort the process on its way back
            for file in filter(None, (sys.stdout, sys.stderr)):
                with suppress(OSError):  # nobody reads it any more
                    file.flush()
            os._exit(end.code if isinstance(end.code, int) else 0)
        raise


def _run() -> None:
    try:
        from stream.commands.app import app  # here, as Ctrl-C may come while all of it is loaded
        from stream.commands.live import with_hands_said
        from stream.home_folder import with_home

        app(with_hands_said([with_home(said) for said in sys.argv[1:]]), prog_name="blur2blur")
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except (StreamError, EngineError, ProfileError, CalibrationError) as error:
        _tell(str(error))
        raise SystemExit(1) from None
    except OSError as error:  # a full disk, a folder that may not be written to, and the like
        files = [str(name) for name in (error.filename, error.filename2) if name is not None]
        _tell(": ".join([*files[:1], error.strerror or str(error)]))
        raise SystemExit(1) from None


def _tell(problem: str) -> None:
    from stream.commands.common import console

    console().print("[red]error:[/]", end=" ")
    console().print(problem, markup=False, highlight=False)


if __name__ == "__main__":
    main()
