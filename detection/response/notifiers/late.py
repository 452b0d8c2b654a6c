"""The ways a notice can be past saving."""


class TooLate(Exception):
    """What this would say is not true any more: a code that is over, used or replaced."""


class NoWay(Exception):
    """This notice can never be carried, whatever is tried: the text says why. The carrier itself is well."""
