"""A site that only judges need not install TensorFlow."""

import subprocess
import sys

CODE = """
import sys
sys.modules["tensorflow"] = None
import opint.daemon.run
from conf.errors import NightshiftError
try:
    import dqm.networks.training.descent
except NightshiftError as error:
    print(error)
"""


def test_the_daemon_runs_without_it_and_training_says_what_is_missing():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout == "training a network needs TensorFlow: pip install 'nightshift[train]'\n"
