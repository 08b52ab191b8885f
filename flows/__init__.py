"""What runs: one file per flow, and the command line.

May import everything below: tasks, the library, the warehouse. Start with ``nightly``, the table of
contents of a night; ``command_line`` has the commands, ``serving`` the deployments.
"""

from flows.plain_errors import tell_errors_in_one_line

# A worker imports a flow, and nothing before it.
tell_errors_in_one_line()
