"""What a step of any environment asks first."""

import gymnasium
from gymnasium import spaces


def check_step(over: bool, space: spaces.Space[object], action: object) -> None:
    """Raise ResetNeeded where no episode runs, InvalidAction where the action is none of the space."""
    if over:
        raise gymnasium.error.ResetNeeded("the episode is over, or none has begun: call reset() before step()")
    if not space.contains(action):
        raise gymnasium.error.InvalidAction(f"action is {action!r}; expected one of {space}")
