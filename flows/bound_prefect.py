"""A command of Prefect that ends with its parent: ``python -m flows.bound_prefect worker start``.

``vkflow serve`` runs the worker so; a service manager runs ``prefect`` itself.
"""

import os
import signal
import sys

from flows.parent import end_with_parent


def main() -> None:
    """Run the command of the arguments."""
    end_with_parent(lambda: os.kill(os.getpid(), signal.SIGTERM))
    from prefect.cli import app

    sys.argv = ["prefect", *sys.argv[1:]]
    app()


if __name__ == "__main__":
    main()
