"""The two campaigns that there are: the long one of `make chaos`, and the short one of `make test`."""

from __future__ import annotations

from tests.chaos.campaign import Campaign
from tests.chaos.corpus import editions, made_files, real_files

__all__ = ["long_campaign", "short_campaign"]


def long_campaign(*, seed: int, kills: int, fill_disk: bool) -> Campaign:
    """Real files where there are any, and made ones up to 400 pages."""
    extra = "" if fill_disk else " --no-full-disk"
    return Campaign(
        seed=seed,
        kills=kills,
        files=[*real_files(), *made_files()],
        editions=editions(),
        fill_disk=fill_disk,
        command=f'make chaos ARGS="--seed {seed} --kills {kills}{extra}"',
    )


def short_campaign(*, seed: int, kills: int) -> Campaign:
    """Made files of up to 30 pages, and less patience: a minute for a handful of kills."""
    return Campaign(
        seed=seed,
        kills=kills,
        files=made_files(pages=(1, 3, 12, 30)),
        editions=editions(4),
        users=4,
        embedding_seconds=0.06,
        patience_seconds=60.0,
        settle_seconds=15.0,
        fill_disk=False,
        command=f'make chaos ARGS="--seed {seed} --kills {kills} --short"',
    )
