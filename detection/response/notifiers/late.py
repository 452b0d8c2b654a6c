"""The one way a notice can be past saving."""


class TooLate(Exception):
    """What this would say is not true any more: a code that is over, used or replaced."""
