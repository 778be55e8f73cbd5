"""Settings of what is read and what it means."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from recurra.spec.section import Section

__all__ = ["DataSettings"]


class DataSettings(Section):
    """Where the sequences are and what they mean."""

    task: Literal["auto", "classify", "regress", "forecast", "tag", "generate", "transduce"] = (
        Field("auto", description="What to learn; auto looks at the target.")
    )
    id: str | None = Field(
        None, description="Column that tells which sequence a row belongs to (long tables)."
    )
    time: str | None = Field(
        None, description="Column of the time of a row; rows must come in its order."
    )
    target: str | None = Field(None, description="Column to predict, constant within an id.")
    features: tuple[str, ...] | None = Field(
        None, description="Columns to read; default: every numeric column that is nothing else."
    )
    text: str | None = Field(None, description="Column that holds a text, for text tables.")
    variable: str | None = Field(
        None,
        description="Column that names what was measured, in tables with one measurement a row.",
    )
    value: str | None = Field(
        None, description="Column of the measurements, in tables with one measurement a row."
    )
    labels: Path | None = Field(
        None, description="A second table that gives the target of each id."
    )
    layout: Literal["ntc", "nct"] = Field(
        "ntc", description="Axes of arrays: cases, time, channels; or cases, channels, time."
    )
    encoding: str = Field(
        "utf-8",
        description="Of text files, as Python names it: gb18030 (reads GBK and GB2312 too), big5, "
        "utf-16, latin-1, ...",
    )
    symbol: Literal["character", "word", "piece"] = Field(
        "character",
        description="What a text is cut into; byte-pair pieces: to generate only.",
        json_schema_extra={"tasks": ["classify", "regress", "tag", "generate"]},
    )
    sequences: Literal["whole", "line"] = Field(
        "whole",
        description="What a .txt file holds: one running text, or one sequence a line.",
        json_schema_extra={"tasks": ["generate"]},
    )
    frame_width: int | None = Field(
        None,
        ge=1,
        le=65536,
        description="The numbers in frames are below it; default: as training shows them.",
        json_schema_extra={"tasks": ["generate"]},
    )
    min_count: int = Field(
        1, ge=1, description="A symbol seen fewer times in training becomes unknown."
    )
    scheme: Literal["auto", "none", "bio", "bioes", "bmes"] = Field(
        "auto",
        description="How tags spell spans; files in another scheme are converted. auto: as they "
        "are written; none: tags are plain classes.",
        json_schema_extra={"tasks": ["tag"]},
    )
    lowercase: bool = Field(
        False,
        description="Look words up in lower case; their characters keep theirs.",
        json_schema_extra={"tasks": ["tag"]},
    )
    horizon: int = Field(
        24,
        ge=1,
        le=65536,
        description="Rows ahead to forecast.",
        json_schema_extra={"tasks": ["forecast"]},
    )
    lookback: int | None = Field(
        None,
        ge=1,
        le=2**20,
        description="Rows of history that a forecast reads; default: at least two seasons and "
        "two horizons.",
        json_schema_extra={"tasks": ["forecast"]},
    )
    stride: int = Field(
        1,
        ge=1,
        description="Rows between the forecasts that are measured.",
        json_schema_extra={"tasks": ["forecast"]},
    )
    known: tuple[str, ...] = Field(
        (),
        description="Covariates whose future is known; features are those whose future is not.",
        json_schema_extra={"tasks": ["forecast"]},
    )
    calendar: tuple[Literal["minute", "hour", "weekday", "monthday", "yearday", "month"], ...] = (
        Field(
            (),
            description="Calendar features to take from the time column (in UTC).",
            json_schema_extra={"tasks": ["forecast"]},
        )
    )
    season: int | None = Field(
        None,
        ge=1,
        description="Rows after which things come again; default: a day, a week or a year, as the "
        "time column suggests.",
        json_schema_extra={"tasks": ["forecast"]},
    )
    scaling: Literal["standard", "robust", "mean", "none"] = Field(
        "standard",
        description="Of each series: by mean and deviation, median and quartiles, mean size.",
        json_schema_extra={"tasks": ["forecast"]},
    )
    normalise: Literal["none", "last", "window"] = Field(
        "last",
        description="Of each window: its last value taken off, or its mean and deviation.",
        json_schema_extra={"tasks": ["forecast"]},
    )
    missing: Literal["auto", "mean", "last", "linear", "mask", "decay"] = Field(
        "auto",
        description="What stands in for missing values of series: the feature's mean; its last "
        "value; a line between two values; three inputs, value, flag and time since (mask); or a "
        "GRU-D, whose inputs and state fade (decay). auto: last, where there are any.",
    )
    winsorise: float = Field(
        0.0,
        ge=0,
        lt=0.5,
        description="Share of a feature's values at either end that are cut to the value there.",
    )
    pieces: int = Field(
        2000,
        ge=257,
        description="Most byte-pair pieces, where texts are cut into these.",
        json_schema_extra={"tasks": ["generate", "transduce"]},
    )
    source_symbol: Literal["auto", "character", "space", "piece"] = Field(
        "auto",
        description="What a source is cut into: characters, what stands between spaces, or "
        "byte-pair pieces; auto: space where most sources hold spaces, else character.",
        json_schema_extra={"tasks": ["transduce"]},
    )
    target_symbol: Literal["auto", "character", "space", "piece"] = Field(
        "auto",
        description="What a target is cut into, as source_symbol.",
        json_schema_extra={"tasks": ["transduce"]},
    )
    normalisation: Literal["NFC", "NFD", "NFKC", "NFKD", "none"] = Field(
        "NFC",
        description="Unicode normalisation form in which pairs are read; decomposed answers are "
        "composed again.",
        json_schema_extra={"tasks": ["transduce"]},
    )
    share_symbols: bool = Field(
        False,
        description="Sources and targets share one vocabulary and one embedding.",
        json_schema_extra={"tasks": ["transduce"]},
    )
