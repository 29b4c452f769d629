"""Text from outside, made fit for both databases."""


def storable(text: str, most: int) -> str:
    """The first ``most`` characters; PostgreSQL has no NUL, and nobody has lone surrogates."""
    return text[:most].replace("\0", "�").encode("utf-8", "replace").decode()
