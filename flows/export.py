"""Write the published predictions to tables of a database of your own."""

from prefect import flow

from flows.options import RunOptions
from tasks.exporting import export_predictions


@flow(name="export", description=__doc__)
def export(options: RunOptions = RunOptions()) -> None:  # noqa: B008
    """Export for people whose tools read another database."""
    export_predictions(options.settings())
