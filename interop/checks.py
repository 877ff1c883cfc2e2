"""Named checks that run in the order they are written, one line each."""

import traceback


class Checks:
    """The checks of one client; `run` gives the exit code."""

    def __init__(self, client):
        self.client = client
        self.all = []

    def add(self, function):
        """Decorator: the function's name is what the line says; it passes unless it raises."""
        self.all.append(function)
        return function

    def run(self, state):
        """Runs every check on the one state, also after a failure, and prints the total."""
        failed = sum(not self._passes(function, state) for function in self.all)
        print(f"{self.client}: {len(self.all) - failed} passed, {failed} failed")
        return 1 if failed else 0

    @staticmethod
    def _passes(function, state):
        name = function.__name__.replace("_", " ")
        try:
            function(state)
        except Exception as error:
            # The source line names what did not hold; values could be secret and stay out.
            frame = next(f for f in traceback.extract_tb(error.__traceback__) if f.name == function.__name__)
            print(f"FAIL {name}\n     {type(error).__name__} at line {frame.lineno}: {frame.line}")
            return False
        print(f"ok   {name}")
        return True


def raises(expected, call, *arguments, **named):
    """The exception that the call must end with."""
    try:
        call(*arguments, **named)
    except expected as error:
        return error
    raise AssertionError(f"no {expected.__name__}")
