"""Processes that tests start: none outlives its test, however that ends."""

import contextlib
import subprocess
import time

# A Java of a test lives too shortly for what the optimising compiler costs.
QUICK_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


@contextlib.contextmanager
def child(command, **options):
    """A process with pipes of text for stdin, stdout and stderr, unless ``options`` say otherwise."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, **pipes | {"text": True} | options) as process:
        try:
            yield process
        finally:
            process.kill()


def within(seconds, condition):
    """Whether ``condition()`` becomes true in time; seconds are for a machine that does much else."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
