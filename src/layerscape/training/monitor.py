"""`Monitor`: the representations of a fixed set of samples while a network trains, as a series that grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from layerscape.core.names import as_names
from layerscape.core.samples import Kind
from layerscape.core.words import firsts
from layerscape.errors import EXTRAS, InvalidValue, need
from layerscape.measures import AnyMeasure, find_measures
from layerscape.training.logs import sinks
from layerscape.training.looks import Looks, in_one_line
from layerscape.training.watch import Watch
from layerscape.training.when import Due, Every, Pace, as_step


def asked(every: Any, max_overhead: Any, measures: Any, log: Any) -> tuple[Due, Pace, list[Any]]:
    """When to look and what to measure; raises at what cannot be meant, whatever the model is."""
    due, pace, chosen = Due(every), Pace(max_overhead), as_names(measures)
    find_measures(chosen)
    if log is not None and not chosen:
        raise InvalidValue("log without measures; name what is to be logged, as measures=['twonn'].")
    return due, pace, chosen


class Monitor:
    """Looks at a network while it trains, and leaves the training as it would have been, to the bit.

    Each look makes a run, as `layerscape.extract` would of the network as it is then, in ``out/step_N``: the folder
    opens with `layerscape.series` at any time. While it looks, the network is in evaluation and computes in the
    precision of its weights; afterwards modes, generators of random numbers, gradients, buffers, autocast and hooks are
    what they were. Of a model that was compiled or spread over devices (`torch.compile`, DistributedDataParallel) it
    looks at the module inside; of processes that train together the first looks.

    What is wrong with the arguments is raised at once. What goes wrong later never ends the training: it is said once,
    by a warning, and the monitor stands aside.

    Parameters
    ----------
    model
        The `torch.nn.Module` that is trained.
    probe
        Samples that it is shown at every look, as ``inputs`` of `layerscape.extract`: an array (N, …), a list, a
        folder, a data set. The same ones at every step.
    out
        Folder of the series. A training that starts again goes on there: a step that is there with the same weights
        is kept; otherwise that step and all later ones are moved to ``out/earlier``, since they are of a training that
        went another way.
    every
        Every so many steps, or the steps themselves: ``[0, 1, 2, 4, 8, …]``.
    layers, pooling, labels, limit, sample_seed, make_inputs, kind, batch_size, units_axis, store, compress
        As in `layerscape.extract`.
    measures, k
        What is measured at every look, of all layers, as in `layerscape.measure`: it stands in the tables of the runs.
    log
        Who gets these values: a function of (step, values), values by ``"twonn/block_3"``; ``"tensorboard"`` (into
        ``out/tensorboard``), ``"wandb"`` (the run that is open), ``"mlflow"`` (the run that is open, or a new one at
        your tracking URI); a writer or run of these; or several in a list.
    max_overhead
        Looks, all after the first two, take no more than this share of the time of the training: those that would are
        left out, which is said once. None: no bound.

    Attributes
    ----------
    steps
        Steps that have a run.
    latest
        The step that was looked at last; None if none was.
    failed
        Why it stands aside; empty while it does not.

    Raises
    ------
    LayerscapeError
        If the model cannot be looked at, the probe cannot be read, or ``out`` holds another series.

    Examples
    --------
    >>> import tempfile, numpy as np, torch, layerscape as ls
    >>> from layerscape.training import Monitor
    >>> _ = torch.manual_seed(0)
    >>> model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2))
    >>> optimizer, x = torch.optim.SGD(model.parameters(), lr=0.1), torch.randn(256, 8)
    >>> probe, out = np.random.default_rng(0).standard_normal((100, 8)), tempfile.mkdtemp()
    >>> with Monitor(model, probe, out=out, every=10, max_overhead=None) as monitor:
    ...     monitor.step(0)
    ...     for step in range(1, 21):
    ...         loss = torch.nn.functional.cross_entropy(model(x), (x[:, 0] > 0).long())
    ...         optimizer.zero_grad()
    ...         loss.backward()
    ...         optimizer.step()
    ...         monitor.step(step, loss=loss)
    >>> series = ls.series(out)
    >>> series.steps, series.layers
    ((0, 10, 20), ('input', '0', '1', '2'))
    >>> series.scalars["loss"].keys()
    dict_keys([10, 20])
    """

    def __init__(
        self,
        model: Any,
        probe: Any,
        *,
        out: str | Path,
        every: Every = 100,
        layers: str | Sequence[str] | None = None,
        pooling: str | None = None,
        labels: Any = None,
        limit: int | None = None,
        sample_seed: int | None = None,
        make_inputs: Callable[[list[Any]], Any] | None = None,
        kind: Kind | None = None,
        batch_size: int | None = None,
        units_axis: Any = None,
        store: str = "float32",
        compress: bool = False,
        measures: AnyMeasure | Sequence[AnyMeasure] = (),
        k: int | None = None,
        log: Any = None,
        max_overhead: float | None = 0.05,
    ) -> None:
        self.failed, self._had = "", ()
        self._looks: Looks | None = None  # of another process, or after the end, none
        self.latest: int | None = None
        self._due, pace, chosen = asked(every, max_overhead, measures, log)
        options = {"layers": layers, "pooling": pooling, "labels": labels, "limit": limit, "sample_seed": sample_seed}
        options |= {"make_inputs": make_inputs, "kind": kind, "batch_size": batch_size, "units_axis": units_axis}
        need("models", libraries=("torch", *EXTRAS["runs"]))
        from layerscape.extraction.live import holders_of, hooked, looks_here
        from layerscape.extraction.untouched import generators_kept

        if looks_here():
            with generators_kept(*holders_of(probe)):
                place = Path(out).absolute()  # wherever the training goes
                told = sinks(log, place)
                watch = Watch(model, probe, place, store=store, compress=compress, **options)
                try:
                    watch.check(find_measures(chosen), k)
                except BaseException:
                    watch.close()
                    raise
                self._looks = Looks(watch, pace, told, chosen, k)
            if names := hooked(model):
                self._looks.say(
                    f"hooks of {firsts(names)} are called in looks too, since they may be part "
                    "of the network; one that keeps what it sees should do so only while module.training"
                )

    @property
    def steps(self) -> tuple[int, ...]:
        return self._had if self._looks is None else tuple(self._looks.watch.there)

    def step(self, step: int, /, **scalars: Any) -> None:
        """To be called after every step of the optimizer: looks if it is time to.

        Parameters
        ----------
        step
            How many steps there have been; 0 before the first.
        scalars
            Numbers to be kept with the step: the loss, the learning rate. They become columns of the table of the
            series, and scores of `layerscape.against`.
        """
        with self._aside() as looks:
            if looks is not None and self._due(number := as_step(step)) and looks.affordable(number):
                looks.look(number, scalars)
                self.latest = number

    def look(self, step: int, /, **scalars: Any) -> None:
        """As `step`, but looks whatever ``every`` and ``max_overhead`` say: at the last step, say."""
        with self._aside() as looks:
            if looks is not None:
                self._due(number := as_step(step))
                looks.look(number, scalars)
                self.latest = number

    def tell(self, step: int, /, **scalars: Any) -> None:
        """Add numbers that came to be known later to a step, such as its accuracy; of no effect if it has no run."""
        with self._aside() as looks:
            if looks is not None and looks.watch.has(number := as_step(step)):
                looks.tell(number, scalars)

    def close(self) -> None:
        """End; nothing is looked at any more, and another monitor may write to the folder."""
        if self._looks is not None:
            self._had = self.steps
            self._looks.watch.close()
            self._looks = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _aside(self) -> Iterator[Looks | None]:
        """Whatever goes wrong within is said, and is the last that is done."""
        try:
            yield self._looks
        except Exception as error:  # the network, the disk, a library: none of them may end a training
            self.failed = in_one_line(error)
            if self._looks is not None:
                self._looks.say(f"the monitor stands aside, and the training goes on: {self.failed}")
                self.close()
