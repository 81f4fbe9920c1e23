"""The one exception that means: the user can mend this."""


class ChallengeError(Exception):
    """Something from outside (a file, a flag, a submission) is wrong; the message names it and the remedy.

    The command lines print the message without a traceback and end with exit code 2.
    """
