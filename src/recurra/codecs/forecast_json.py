"""A forecasting codec's tree of JSON values, and back; anything else is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from recurra.codecs import json_tree
from recurra.codecs.calendar import CALENDAR, Frequency
from recurra.codecs.cases import Columns
from recurra.codecs.forecast_holes import Holes
from recurra.codecs.scaling import Normalise, Scaling
from recurra.errors import BundleError

if TYPE_CHECKING:
    from recurra.codecs.forecast import ForecastCodec

__all__ = ["codec_from_tree", "codec_to_tree"]

_NAMES = ("targets", "past", "known", "calendar")
_WHOLE = ("lookback", "horizon", "segment", "season")
_FLAGS = ("recursive", "carried", "dated")
_KEYS = {
    "kind",
    *_NAMES,
    *_WHOLE,
    *_FLAGS,
    "roles",
    "channels",
    "normalise",
    "scaling",
    "frequency",
    "naive_error",
    "missing",
    "dtype",
    "zoned",
}


def codec_to_tree(codec: ForecastCodec) -> dict[str, Any]:
    """A tree of plain JSON values."""
    roles, frequency = codec.roles, codec.frequency
    return {
        "kind": codec.kind,
        **{name: list(getattr(codec, name)) for name in _NAMES},
        **{name: getattr(codec, name) for name in (*_WHOLE, *_FLAGS)},
        "roles": None if roles is None else {"id": roles.id, "time": roles.time},
        "channels": codec.channels,
        "normalise": codec.normalise,
        "scaling": codec.scaling.to_json(),
        "frequency": None
        if frequency is None
        else {"step": frequency.step, "months": frequency.months},
        "naive_error": [list(row) for row in codec.naive_error],
        "missing": codec.missing.to_json(),
        "dtype": codec.dtype,
        "zoned": codec.zoned,
    }


def codec_from_tree(tree: Any) -> dict[str, Any]:
    """The codec's fields.

    Raises:
        BundleError: a key is missing or unknown, or a value is not what a codec can hold.
    """
    if isinstance(tree, dict):
        # A bundle that was written before there was a choice, or zones were told, leaves it out.
        tree = {"missing": Holes().to_json(), "zoned": None, **tree}
    tree = json_tree.object_of(tree, "codec", _KEYS)
    json_tree.choice(tree["kind"], "codec: kind", ("forecast",))
    fields: dict[str, Any] = {n: json_tree.texts(tree[n], f"codec: {n}") for n in _NAMES}
    features = [*fields["targets"], *fields["past"], *fields["known"]]
    if not fields["targets"] or len(set(features)) < len(features):
        raise BundleError("codec: targets must be named, and each column have one role")
    if set(fields["calendar"]) - set(CALENDAR):
        raise BundleError(f"codec: calendar must be among {', '.join(CALENDAR)}")
    fields |= {name: _whole(tree[name], name) for name in _WHOLE}
    if fields["lookback"] % fields["segment"]:
        raise BundleError("codec: lookback must be a multiple of segment")
    for name in _FLAGS:
        if not isinstance(tree[name], bool):
            raise BundleError(f"codec: {name} must be true or false, got {tree[name]!r}")
        fields[name] = tree[name]
    if tree["carried"] and (
        tree["recursive"] or fields["segment"] > 1 or tree["normalise"] != "none"
    ):
        raise BundleError("codec: a state is carried only where each row is read once, as it is")
    scaling = Scaling.from_json(tree["scaling"], len(features))
    own = len(fields["targets"]) + len(fields["past"])
    fields |= {
        "roles": _roles(tree["roles"]),
        "channels": json_tree.choice(tree["channels"], "codec: channels", ("joint", "separate")),
        "normalise": json_tree.choice(tree["normalise"], "codec: normalise", get_args(Normalise)),
        "scaling": scaling,
        "frequency": _frequency(tree["frequency"]),
        "naive_error": _errors(tree["naive_error"], len(scaling.shift), len(fields["targets"])),
        "missing": Holes.from_json(tree["missing"], len(scaling.shift), own),
        "dtype": json_tree.choice(tree["dtype"], "codec: dtype", ("float32", "float64")),
        "zoned": _zoned(tree["zoned"], dated=tree["dated"]),
    }
    strategy = fields["missing"].strategy
    if (strategy == "linear" and tree["carried"]) or (strategy == "mask" and tree["recursive"]):
        raise BundleError(f"codec: missing={strategy!r} does not go with how the rows are read")
    if fields["calendar"] and not (fields["frequency"] and fields["dated"]):
        raise BundleError("codec: calendar features need dates at a known frequency")
    return fields


def _zoned(value: Any, *, dated: bool) -> bool | None:
    if value is not None and not (isinstance(value, bool) and dated):
        raise BundleError(f"codec: zoned must be true or false of dates, or null, got {value!r}")
    return value


def _whole(value: Any, name: str) -> int:
    # A window beyond this many rows is a forged one: no memory would hold it.
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 2**24:
        raise BundleError(f"codec: {name} must be a whole number from 1, got {value!r}")
    return value


def _roles(tree: Any) -> Columns | None:
    if tree is None:
        return None
    tree = json_tree.object_of(tree, "codec: roles", {"id", "time"})
    for role, name in tree.items():
        if name is not None:
            json_tree.text(name, f"codec: column {role}")
    return Columns(id=tree["id"], time=tree["time"])


def _frequency(tree: Any) -> Frequency | None:
    if tree is None:
        return None
    tree = json_tree.object_of(tree, "codec: frequency", {"step", "months"})
    months = tree["months"]
    if isinstance(months, bool) or not isinstance(months, int) or not 0 <= months <= 2**16:
        raise BundleError(f"codec: months must be a whole number, got {months!r}")
    (step,) = json_tree.numbers([tree["step"]], "codec: step", positive=not months)
    return Frequency(step, months)


def _errors(value: Any, rows: int, targets: int) -> tuple[tuple[float, ...], ...]:
    if not isinstance(value, list) or len(value) != rows:
        raise BundleError(f"codec: naive_error must be a list of {rows} rows")
    return tuple(
        tuple(json_tree.numbers(row, "codec: naive_error", count=targets, positive=True))
        for row in value
    )
