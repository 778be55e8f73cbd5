"""What every section of the settings is: a frozen record that refuses what it does not know.

An infinite number is refused too: no checkpoint and no bundle could write it down.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["Section"]


class Section(BaseModel):
    """The base of all sections."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False
    )
