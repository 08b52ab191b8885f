"""What runs: one file per flow, and the command line."""

from flows.plain_errors import tell_errors_in_one_line

# A worker imports a flow, and nothing before it.
tell_errors_in_one_line()
