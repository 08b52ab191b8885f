"""``vkflow experiment``, ``search`` and ``backtest``: studies of the model, and their tables."""

from typing import Annotated

import typer

from flows.running import AsOf, Source, run_flow
from vkflow.settings import load_settings

LEADERBOARD = """
SELECT
    variant, round(log_loss, 5) AS "log loss", round(100 * gain_over_owner, 1) AS "over owner, %",
    printf('%+.1f [%+.1f, %+.1f]', 100 * against_product, 100 * against_low, 100 * against_high)
        AS "loss against product, %"
FROM leaderboard
WHERE experiment_id = ? AND activity = 'all' AND reason IS NULL ORDER BY log_loss
"""
NOT_FITTED = """
SELECT variant, reason FROM leaderboard
WHERE experiment_id = ? AND reason IS NOT NULL ORDER BY variant
"""
NIGHTS = """
SELECT night, posts, log_loss, gain_over_global, gain_over_owner, low, high, oracle_share
FROM backtests WHERE backtest_id = ? AND activity = 'all' ORDER BY night
"""


def experiment(
    variant: Annotated[
        list[str] | None, typer.Option(help="Compare only these; give it several times.")
    ] = None,
    source: Source = None,
    as_of: AsOf = None,
) -> None:
    """Compare variants of the model on the same posts; prints the leaderboard."""
    from flows.tables import print_table
    from vkflow.research.experiments import choose_variants
    from warehouse.publishing import read_snapshot

    choose_variants(variant or [])
    experiment_id = run_flow("experiment", source, None, as_of, variants=variant or [])
    board = read_snapshot(load_settings().snapshot_file, LEADERBOARD, [experiment_id])
    print_table(board, f"Experiment {experiment_id}, mean over activities")
    failed = read_snapshot(load_settings().snapshot_file, NOT_FITTED, [experiment_id])
    if len(failed):
        print_table(failed, "Could not be fitted on these posts")
    typer.echo('All figures: vkflow sql "FROM leaderboard"')


def search(
    minutes: Annotated[
        float, typer.Option(min=0.01, max=24 * 60, help="Budget of the trials.")
    ] = 10,
    source: Source = None,
    as_of: AsOf = None,
) -> None:
    """Search for better parameters of the trees; prints lines for vkflow.toml if there are any."""
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(str(run_flow("search", source, None, as_of, minutes=minutes))))


def backtest(
    nights: Annotated[
        int, typer.Option(min=1, max=365, help="How many past nights to go back to.")
    ] = 7,
    every: Annotated[
        int, typer.Option(min=1, max=365, help="Days between one of these nights and the next.")
    ] = 1,
    days: Annotated[
        int, typer.Option(min=1, max=90, help="Score so many days after each night.")
    ] = 7,
    source: Source = None,
    as_of: AsOf = None,
) -> None:
    """Say what the table would have said on past nights, judged by what happened since."""
    from flows.tables import print_table
    from warehouse.publishing import read_snapshot

    backtest_id = run_flow("backtest", source, None, as_of, nights=nights, every=every, days=days)
    table = read_snapshot(load_settings().snapshot_file, NIGHTS, [backtest_id])
    print_table(table, f"Backtest {backtest_id}, mean over activities")
