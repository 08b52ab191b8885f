"""What the table would have said on past nights, judged by what has happened since."""

from datetime import timedelta

from prefect import flow
from pydantic import Field

from flows.options import RunOptions
from tasks.backtesting import backtest_night
from tasks.publishing import publish_snapshot
from tasks.run_log import logged_run


class BacktestOptions(RunOptions):
    """Which nights to go back to."""

    nights: int = Field(
        7, ge=1, le=365, title="Nights", description="How many past nights to go back to."
    )
    every: int = Field(
        1, ge=1, le=365, title="Every", description="Days between one of these nights and the next."
    )
    days: int = Field(
        7, ge=1, le=90, title="Days", description="Posts of so many days after a night are scored."
    )


@flow(name="backtest", description=__doc__)
def backtest(options: BacktestOptions = BacktestOptions()) -> str:  # noqa: B008
    """Train on each night as it was, and judge the days after; returns the backtest's id.

    The last night lies so far back that the labels of the days after it are known by now.
    """
    settings, as_of = options.settings(), options.moment()
    backtest_id = f"{as_of:%Y%m%d-%H%M%S}"
    last = as_of - settings.label_maturity - timedelta(days=options.days)
    with logged_run(settings, "backtest") as (_, counts):
        judged = {}
        for back in reversed(range(options.nights)):
            night = last - timedelta(days=back * options.every)
            posts = backtest_night(settings, backtest_id, night, as_of, options.days)
            judged[f"{night:%Y-%m-%d}"] = posts
        counts |= {"backtest_id": backtest_id, "posts": judged}
        publish_snapshot(settings)
    return backtest_id
