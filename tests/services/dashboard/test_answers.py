from __future__ import annotations

from typing import get_args

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from services.api_gateway import dead_letter_views, stats_views, stream_views, views
from services.dashboard import answers

PAIRS: tuple[tuple[type[answers.Answer], type[BaseModel]], ...] = (
    (answers.Streams, stream_views.StreamsView),
    (answers.StreamDeclared, stream_views.StreamView),
    (answers.WindowDeclared, stream_views.WindowView),
    (answers.TopDeclared, stream_views.TopDeclaredView),
    (answers.WindowPage, stream_views.RowsView),
    (answers.Top, stream_views.TopView),
    (answers.Stats, stats_views.StatsView),
    (answers.Minute, stats_views.MinuteView),
    (answers.Distribution, stats_views.DistributionView),
    (answers.Bucket, stats_views.BucketView),
    (answers.Latency, stats_views.LatencyView),
    (answers.Overview, stats_views.OverviewView),
    (answers.Failure, stats_views.FailureView),
    (answers.Fleet, stats_views.FleetStatusView),
    (answers.Lag, stats_views.LagView),
    (answers.DeadLetters, stats_views.LettersView),
    (answers.Process, stats_views.ProcessView),
    (answers.LedgerLine, stats_views.LedgerLineView),
    (answers.Kinds, dead_letter_views.KindsView),
    (answers.Kind, dead_letter_views.KindView),
    (answers.Letters, dead_letter_views.LetterPage),
    (answers.Letter, dead_letter_views.LetterView),
    (answers.WholeLetter, dead_letter_views.WholeLetterView),
    (answers.Outcome, dead_letter_views.OutcomeView),
    (answers.Moved, dead_letter_views.MovedView),
    (answers.Left, dead_letter_views.LeftView),
    (answers.Documents, views.DocumentPage),
    (answers.Document, views.DocumentView),
    (answers.Counts, views.CountsView),
)


def fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """By their names in JSON."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def test_every_answer_is_one_of_the_gateways() -> None:
    """No model of the dashboard is without its counterpart."""
    direct = set(answers.Answer.__subclasses__())
    assert {ours for ours, _ in PAIRS} == direct.union(*(model.__subclasses__() for model in direct))


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda model: model.__name__)
def test_what_the_dashboard_reads_the_gateway_says(ours: type[BaseModel], theirs: type[BaseModel]) -> None:
    """Each field that is read is a field of the gateway's answer, and may be null here where it may be null there."""
    read, said = fields(ours), fields(theirs)
    assert read.keys() <= said.keys()
    nullable = {name for name in read if type(None) in get_args(said[name].annotation)}
    assert {name for name in nullable if type(None) not in get_args(read[name].annotation)} == set()
