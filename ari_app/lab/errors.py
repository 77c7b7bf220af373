"""What the lab cannot do, said with the mend."""


class LabError(Exception):
    """The lab cannot go on; the message says what is wrong and how to mend it."""
