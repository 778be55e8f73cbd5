"""What both estimators share: parameters from the settings, fit, predict through the runtime."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError as ScikitNotFittedError

from recurra.codecs import Cases, cases_from_arrays, missing_report, read_cases
from recurra.errors import BundleError, DataError, NotFittedError
from recurra.estimators.parameters import Parameters, checked, described, fields_of, signature
from recurra.runtime import (
    AbstractModel,
    Bundle,
    Parts,
    model_of,
    read_bundle,
    write_bundle,
)
from recurra.spec.settings import Settings

if TYPE_CHECKING:
    from typing import Unpack

    from recurra.train.fit import Fitted
    from recurra.train.progress import Progress

__all__ = ["AbstractSequenceEstimator", "is_table"]

Array = npt.NDArray[Any]
# What a training sets, beside what `_take` makes of the model.
_LEARNT = ("model_", "_origin", "history_", "n_iter_", "best_metric_", "fit_seconds_")


class _UnfittedError(NotFittedError, ScikitNotFittedError):  # type: ignore[misc]  # scikit-learn ships no types
    """Ours and scikit-learn's, so that either is caught."""


class AbstractSequenceEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """The base of all estimators.

    X is a list of [T_i, C] arrays or one array [N, T, C] (`layout="nct"`: channels before time), a
    list of texts, or a table with the columns that `id`, `time`, `target`, `features` and `text`
    name (anything that offers the Arrow C stream: polars, pandas, pyarrow). NaN is a missing value,
    see `missing`; `recurra.codecs.Timed(x, times)` gives a series its times.
    """

    _task: ClassVar[str]
    _target: ClassVar[Literal["class", "number"]]

    def __init__(self, **parameters: Unpack[Parameters]) -> None:
        given = checked(parameters, self._task)
        for name, field in fields_of(self._task).items():
            setattr(self, name, given.get(name, field.default))

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__doc__ = f"{cls.__doc__}\n{described(cls._task)}\n"

        def initialise(self: AbstractSequenceEstimator, **parameters: Unpack[Parameters]) -> None:
            AbstractSequenceEstimator.__init__(self, **parameters)

        # inspect, help and scikit-learn read the parameters here.
        initialise.__signature__ = signature(cls._task)  # type: ignore[attr-defined]  # inspect's own attribute
        cls.__init__ = initialise  # type: ignore[method-assign]  # each class has its task's own

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name; an unknown one is refused with the nearest."""
        checked(params, self._task)
        super().set_params(**params)
        return self

    def fit(
        self, X: Any, y: Any = None, valid: Any = None, *, progress: Progress | None = None
    ) -> Self:
        """Learn from sequences.

        Args:
            X: The sequences, as the class describes them.
            y: One label or number a sequence; None for a table, which holds its own.
            valid: Held-out sequences to watch, (X, y) or a table; None: `valid_fraction` of X.
            progress: Told how far it is, see `recurra.train.progress`.

        Raises:
            SettingsError: a parameter is out of range.
            DataError, ShapeError: X or y cannot be used; says where and why.
            TrainingError: the loss is no longer finite.
        """
        from recurra.train.fit import fit_cases  # torch is loaded here and not before

        settings = self._settings()
        cases = self._cases(X, y, need_target=True)
        for note in cases.notes:
            warnings.warn(note, UserWarning, stacklevel=2)
        missing = missing_report(cases, settings.data.missing)
        if missing is not None and settings.data.missing == "auto":
            # Asked for by name, a strategy needs no warning.
            warnings.warn(missing, UserWarning, stacklevel=2)
        held_out = None
        if valid is not None:
            pair = valid if isinstance(valid, tuple) else (valid, None)
            held_out = self._cases(*pair, need_target=True)
        self._learnt(fit_cases(cases, settings, valid=held_out, progress=progress))
        self.__dict__.pop("_former", None)
        return self

    def partial_fit(
        self, X: Any, y: Any = None, valid: Any = None, *, progress: Progress | None = None
    ) -> Self:
        """Go on learning from more sequences; without a model yet, as `fit`.

        What was learnt of scales, symbols and labels stays, and so does the network; training
        begins with its weights, under this estimator's learning rate, schedule and epochs. The
        newest share `valid_fraction` of X is held out, and the old weights stay unless an epoch is
        better on it. `valid_fraction=0` takes the last epoch. `roll_back` undoes it.

        Where newer data continue older ones (rows of a series to forecast, a running text) the end
        of the older ones is read again ahead of them, so that the network's state is carried on.

        Args:
            X: As in `fit`; of the same features and labels.
            y: As in `fit`.
            valid: As in `fit`.
            progress: As in `fit`.

        Returns:
            The estimator; `kept_` says whether the old weights stayed.

        Raises:
            DataError: a label or a feature that the model does not know, or as in `fit`.
        """
        if not hasattr(self, "model_"):
            return AbstractSequenceEstimator.fit(self, X, y, valid, progress=progress)
        from recurra.train.fit import fit_cases  # torch is loaded here and not before

        base = self.model_.parts
        held_out = None
        if valid is not None:
            pair = valid if isinstance(valid, tuple) else (valid, None)
            held_out = base.codec.arrange(self._cases(*pair, need_target=True))
        cases = base.codec.arrange(self._cases(X, y, need_target=True))
        fitted = fit_cases(
            cases,
            self._settings(),
            valid=held_out,
            base=base,
            tail=self._origin.tail,
            progress=progress,
        )
        self.kept_ = fitted.best_epoch == 0
        if not self.kept_:
            self._former = self._remembered()
            self._learnt(fitted)
        return self

    def roll_back(self) -> Self:
        """Put back what was learnt before the last `partial_fit` that changed it.

        Once more undoes that.

        Raises:
            NotFittedError: no `partial_fit` has changed anything.
        """
        if not hasattr(self, "_former"):
            raise _UnfittedError(
                f"this {type(self).__name__} has nothing to go back to: no partial_fit has changed "
                "what it learnt"
            )
        former, self._former = self._former, self._remembered()
        for name in _LEARNT:
            self.__dict__.pop(name, None)
        self.__dict__.update(former)
        self._take(self.model_)
        return self

    def save(self, folder: str | Path, *, force: bool = False) -> None:
        """Write the bundle that `load` and `recurra.runtime.load` read.

        Args:
            folder: New or empty; with `force`, it may hold a bundle, which is replaced whole.

        Raises:
            NotFittedError: nothing was learnt yet.
            OutputError: the folder exists, or cannot be written; what was there is whole.
        """
        self._fitted()
        folder, origin = Path(folder), self._origin
        if not isinstance(origin, Bundle):
            origin.export(folder, force=force)
            return
        parts = origin.parts
        write_bundle(
            folder,
            task=parts.task,
            graphs=parts.graphs,
            weights=parts.weights,
            codec=parts.codec,
            decoder=parts.decoder,
            golden=origin.golden.inputs,
            certificate=origin.manifest.certificate,
            tail=origin.tail,
            force=force,
        )

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """An estimator that predicts with a bundle; its parameters are the defaults.

        Raises:
            BundleError: missing, damaged, of a newer format or of another task.
        """
        bundle = read_bundle(folder)
        if bundle.parts.task != cls._task:
            raise BundleError(
                f"bundle {folder} was made for the task {bundle.parts.task!r}, {cls.__name__} is "
                f"for {cls._task!r}: load it with the other estimator"
            )
        model = model_of(bundle.parts, bundle.manifest)
        bundle.golden.replay(model)
        estimator = cls()
        estimator._take(model)
        estimator._origin = bundle
        return estimator

    def stream(self, **choices: Any) -> Any:
        """A session that takes one observation at a time (`feed`), its state in your hands.

        Args:
            **choices: Of the task's sessions: `adapt` and `pending` for truths that come later
                (`observe`), `lag` of a tagger, `series` of a forecaster.

        Raises:
            NotFittedError: nothing was learnt yet.
            SpecError: the network cannot run one step at a time; says why.
        """
        return self._fitted().session(**choices)

    def __getstate__(self) -> dict[str, Any]:
        # A model holds kernels' memory, which is this process' own: its parts travel instead.
        state = dict(super().__getstate__())
        if "_former" in state:
            state["_former"] = dict(state["_former"])
        for holder in (state, state.get("_former", {})):
            if "model_" in holder:
                holder["model_"] = (holder["model_"].parts, holder["model_"].manifest)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for holder in (self.__dict__, self.__dict__.get("_former", {})):
            if "model_" in holder:
                holder["model_"] = model_of(*holder["model_"])

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        tags.input_tags.allow_nan = True
        tags.target_tags.required = True
        return tags

    def _settings(self) -> Settings:
        values = {name: getattr(self, name) for name in fields_of(self._task)}
        return Settings.from_flat(values | {"task": self._task})

    def _cases(self, X: Any, y: Any, *, need_target: bool) -> Cases:
        if is_table(X):
            if y is not None:
                raise DataError(
                    "a table holds its own labels: name their column with target=, leave y out"
                )
            return read_cases(X, self._settings().data, need_target=need_target)
        if need_target and y is None:
            raise DataError(
                f"{type(self).__name__} requires y to be passed, but the target y is None: "
                "give one label or number a sequence"
            )
        if hasattr(X, "__arrow_c_stream__") or hasattr(X, "__arrow_c_array__"):
            # One column of texts; pyarrow's iterator gives scalars of its own.
            X = X.to_pylist() if hasattr(X, "to_pylist") else list(X)
        return cases_from_arrays(X, y, layout=self.layout, target=self._target)

    def _fitted(self) -> AbstractModel:
        if not hasattr(self, "model_"):
            raise _UnfittedError(
                f"this {type(self).__name__} is not fitted yet: call fit(X, y), or load(folder)"
            )
        return self.model_

    def _answers(self, X: Any) -> Any:
        """The runtime's answers: probabilities [N, K], values [N], ..."""
        model = self._fitted()
        if is_table(X):
            cases = read_cases(X, self._settings().data, need_target=False, expect=model.codec)
        else:
            cases = self._cases(X, None, need_target=False)
        return model(cases)

    def _truth(self, X: Any, y: Any) -> Any:
        """What `score` compares with: y, or a table's own targets."""
        return self._cases(X, y, need_target=True).target_values() if y is None else y

    def _remembered(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name in _LEARNT}

    def _learnt(self, fitted: Fitted) -> None:
        """Make what was trained what the estimator has learnt."""
        self._take(_model_of(fitted))
        self._origin: Fitted | Bundle = fitted
        self.history_ = list(fitted.history)
        self.n_iter_ = len(fitted.history)
        self.best_metric_ = fitted.best_metric
        self.fit_seconds_ = fitted.fit_seconds

    def _take(self, model: AbstractModel) -> None:
        """Make this model what the estimator has learnt."""
        self.model_ = model
        self.parameters_ = sum(weight.size for weight in model.parts.weights.values())
        if model.features:
            self.n_features_in_ = len(model.features)


def _model_of(fitted: Fitted) -> AbstractModel:
    """The runtime's model of a trained network: what its bundle would hold."""
    weights = {name: value.numpy() for name, value in fitted.module.state_dict().items()}
    decoder = fitted.task.decoder(fitted.codec)
    return model_of(Parts(fitted.task.name, fitted.graphs, weights, fitted.codec, decoder))


def is_table(X: Any) -> bool:
    """Whether X has columns; a single column (it has one dtype) or an array has none."""
    return hasattr(X, "__arrow_c_stream__") and not (
        hasattr(type(X), "dtype") or hasattr(type(X), "type")
    )
