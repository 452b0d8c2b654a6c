"""The artery over a file: the same checks, features, rules and folding, in event time; nothing sent, nothing stored."""

from detection.backtest.labels import BadLabels, Labels, Report
from detection.backtest.learning import Learner
from detection.backtest.reading import Fault, History, record_of
from detection.backtest.running import Backtest, Incident, Step
from detection.backtest.settings import BadSettings, duty_from, duty_of

__all__ = [
    "Backtest",
    "BadLabels",
    "BadSettings",
    "Fault",
    "History",
    "Incident",
    "Labels",
    "Learner",
    "Report",
    "Step",
    "duty_from",
    "duty_of",
    "record_of",
]
