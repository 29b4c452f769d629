"""What a reader gets of trigger rates."""

from pydantic import Field

from opint.store.views.records import Record


class RateMap(Record):
    """All rates of a run against its lumisections: row i is ``elements[i]``, character j ``lumisections[j]``."""

    dataset: str
    run: int
    lumisections: list[int]
    elements: list[str] = Field(description="SEED/SEED for a seed, SEED/PATH for its paths, which follow it")
    groups: list[int] = Field(description="for each row, the row of its seed")
    states: list[str] = Field(description="numbers of reasons, letters from a = 10 on; - is not in the menu")
    pulls: list[str] = Field(
        description="letters from a = -6 to y = +6 in steps of 0.5, 2.6 being the edge of the band; - is none"
    )
    reason_names: dict[str, str] = Field(description="name of every character that states may hold")
    alarms: list[str] = Field(description="names of the reasons that alarm")


class Rate(Record):
    """One rate of a run by lumisection, in Hz; null where there is nothing."""

    element: str
    run: int
    lumisections: list[int]
    observed: list[float | None]
    expected: list[float | None]
    low: list[float | None] = Field(description="where the band begins that holds 99 % of good lumisections")
    high: list[float | None]
    curve: list[float | None] = Field(description="what pileup alone makes of it")
    prescale: list[float | None] = Field(description="declared, with that of the seed; 0: off")
    pull: list[float | None]
    p_value: list[float | None]
    reason: list[str] = Field(description="empty where the menu has no such rate")
    alarm: list[bool]
    pileup: list[float | None]
    live: list[float | None] = Field(description="recorded over delivered luminosity")
    prescale_index: list[int | None]
