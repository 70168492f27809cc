"""A cluster of Dask: reached, or started, and checked before work begins; what it says against us becomes one line."""

from __future__ import annotations

import contextlib
import logging
import re
import tempfile
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from layerscape.core.resources import MEMORY, peak_memory
from layerscape.errors import ClusterProblem, FileProblem, InvalidValue, LayerscapeError, need, require
from layerscape.search.same import difference, facts

PATIENCE = 10  # seconds for a scheduler to answer, and for a first worker of a cluster that others started
QUEUED = 24 * 3600  # seconds for a first job of a queue to begin
GONE = 120  # seconds without a worker after which none is expected any more
FORMS = "'tcp://HOST:PORT', 'local:4', 'slurm:FILE', or a dask Client or cluster"
BASE, SHARE = 400 * 2**20, 0.7  # what a worker takes without a search, and the part of its memory that is used
LEAST = 16 * 2**20  # bytes of a task below which nothing is searched


class Cluster:
    """Workers that were found, and what they are asked."""

    def __init__(self, client: Any, place: str, patience: float = PATIENCE) -> None:
        self.client, self.place, self.patience = client, place, patience
        self.peaks: dict[str, int] = {}

    @property
    def workers(self) -> dict[str, Any]:
        """What the scheduler knows of each."""
        return dict(self.client.scheduler_info(n_workers=-1).get("workers", {}))

    @property
    def n_threads(self) -> int:
        """How many tasks run side by side."""
        return max(1, sum(each["nthreads"] for each in self.workers.values()))

    def resources(self, device: str) -> dict[str, int]:
        """What a task asks a worker for: a GPU, where it needs one and workers say that they have some."""
        said = any("GPU" in each.get("resources", {}) for each in self.workers.values())
        return {"GPU": 1} if said and device != "cpu" else {}

    def memory_of_task(self, wanted: int = MEMORY) -> int:
        """Bytes that a task may take: as wanted, and no more than a worker has for each of its threads."""
        known = [each for each in self.workers.values() if each["memory_limit"]]
        least = min(((each["memory_limit"] * SHARE - BASE) / each["nthreads"] for each in known), default=wanted)
        if least < LEAST:
            raise ClusterProblem(
                f"a worker of {self.place} has too little memory: give each {(LEAST + BASE) / SHARE / 2**20:.0f} MiB, "
                f"and {LEAST / SHARE / 2**20:.0f} more for each further thread."
            )
        return int(min(wanted, least))

    def check(self, folder: Path, libraries: tuple[str, ...] = ()) -> None:
        """Raise unless there are workers, all run what this machine runs, and all see a folder."""
        with self.problems():
            self._await_a_worker()
            if not self.workers:
                raise ClusterProblem(f"{self.place} has no workers; start some: dask worker ADDRESS.")
            ours = facts(libraries)
            for name, theirs in self._answers(facts, libraries).items():
                if isinstance(theirs, BaseException):
                    why = " ".join(str(theirs).split())[:200]
                    raise ClusterProblem(f"worker {name} cannot run this layerscape ({why}); install the same there.")
                if other := difference(name, theirs, ours):
                    raise ClusterProblem(f"{other}; install the same on all.")
            self._check_folder(folder)

    def _await_a_worker(self) -> None:
        for seconds in (PATIENCE, self.patience - PATIENCE):
            if self.workers or not seconds:
                return
            if seconds > PATIENCE:
                hours = f"{QUEUED // 3600} hours"
                warnings.warn(
                    f"no job of {self.place} has begun; one is waited for, up to {hours} (squeue says what they do)",
                    stacklevel=2,
                )
            with contextlib.suppress(TimeoutError):
                self.client.wait_for_workers(1, timeout=seconds)

    def _check_folder(self, folder: Path) -> None:
        token = folder / f"seen-{uuid4().hex}"
        token.touch()
        try:
            for name, there in self._answers(token.exists).items():
                if there is not True:
                    raise ClusterProblem(
                        f"worker {name} does not see {folder}, where results go; give a folder that all machines "
                        "share: folder=…, or a run that lies in one."
                    )
        finally:
            token.unlink()

    def everywhere(self, function: Callable[..., Any], *given: Any) -> None:
        """Do something on every worker; what one says against it is raised with its name."""
        for name, found in self._answers(function, *given).items():
            if isinstance(found, LayerscapeError):
                raise ClusterProblem(f"worker {name}: {str(found).rstrip('.')}.")
            if isinstance(found, BaseException):
                raise found

    def _answers(self, function: Callable[..., Any], *given: Any) -> dict[str, Any]:
        """What every worker says; one that ends meanwhile says nothing, and later ones look for themselves."""
        lost = require("distributed", "cluster").comm.CommClosedError
        for patience in (1, 4, 0):
            try:
                found = self.client.run(function, *given, on_error="return")
                return {name: said for name, said in found.items() if not isinstance(said, (lost, TimeoutError))}
            except (lost, TimeoutError, OSError):
                if not patience:
                    raise
                time.sleep(patience)
        raise AssertionError("the last try raises")

    def remember_peaks(self) -> dict[str, int]:
        """Bytes that the process of each worker has taken at the most."""
        with contextlib.suppress(Exception):  # a worker that goes away now has done its part
            for name, most in self.client.run(peak_memory, on_error="ignore").items():
                self.peaks[name] = max(self.peaks.get(name, 0), most)
        return self.peaks

    def each(self, start: Callable[[Any], Any], items: Sequence[Any], ahead: int) -> Iterator[tuple[Any, Any]]:
        """What tasks give for every item, in their order; so many are under way."""
        left, running = iter(items), deque()
        try:
            for item in left:
                running.append((item, start(item)))
                if len(running) >= ahead:
                    yield self._first(running)
            while running:
                yield self._first(running)
        finally:
            self.cancel(future for _, future in running)

    def cancel(self, futures: Iterable[Any]) -> None:
        """Tell workers that nobody waits any more; one that is at it ends what it does."""
        if left := list(futures):
            with contextlib.suppress(Exception):  # of a scheduler that is lost
                self.client.cancel(left)

    def _first(self, running: Any) -> tuple[Any, Any]:
        item, future = running[0]
        self.wait([future])
        running.popleft()
        found = future.result()
        if isinstance(found, BaseException):
            raise found
        return item, found

    def wait(self, futures: Iterable[Any]) -> set[Any]:
        """Those that are done, of which there is one at least; raises where no worker is left."""
        distributed = require("distributed", "cluster")
        futures, waited = list(futures), 0
        while True:
            with contextlib.suppress(TimeoutError), self.client.as_current():
                found = distributed.wait(futures, timeout=PATIENCE, return_when="FIRST_COMPLETED").done
                if found:
                    return found
            waited = 0 if self.workers else waited + PATIENCE
            if waited >= GONE:
                raise ClusterProblem(f"{self.place} has had no workers for {GONE} seconds; start some.")

    @contextlib.contextmanager
    def problems(self, kept: str = "") -> Iterator[None]:
        """Turn what Dask says into one line; ``kept`` says what to do then."""
        distributed = require("distributed", "cluster")
        try:
            yield
        except LayerscapeError:
            raise
        except distributed.scheduler.KilledWorker as error:
            raise ClusterProblem(
                f"a task has ended {error.allowed_failures + 1} workers one after the other, most likely for want of "
                f"memory: give workers more, or each search less (memory=, --memory){kept}."
            ) from None
        except (distributed.CancelledError, distributed.comm.CommClosedError, TimeoutError, ConnectionError) as error:
            raise ClusterProblem(f"the scheduler of {self.place} is lost{kept}.") from error
        except OSError as error:  # of a worker or of this machine, as where a disk is full
            raise FileProblem(f"what is needed cannot be read or written ({error}){kept}.") from error


@contextlib.contextmanager
def connected(cluster: Any) -> Iterator[Any]:
    """The workers that a user names; what was started here ends with it.

    Parameters
    ----------
    cluster
        An address, ``"local:4"``, ``"slurm:FILE"``, a dask client or cluster, or what this has given before; nobody
        where it is None.

    Raises
    ------
    ClusterProblem, InvalidValue, FileProblem, MissingExtra
        If it is none of these, is not there, or its file is wrong.
    """
    if cluster is None or isinstance(cluster, Cluster):
        yield cluster
        return
    need("cluster")
    distributed = require("distributed", "cluster")
    if isinstance(cluster, distributed.Client):
        if cluster.status != "running":
            raise ClusterProblem(f"the dask client is {cluster.status}; make a new one.")
        yield Cluster(cluster, f"the cluster at {_address(cluster)}")
        return
    with contextlib.ExitStack() as ended:
        ended.enter_context(_quiet())
        if hasattr(cluster, "scheduler_address"):
            place, target = f"the cluster at {cluster.scheduler_address}", cluster
        else:
            place, target = _named(str(cluster), ended)
        patience = QUEUED if str(cluster).startswith("slurm:") else PATIENCE
        yield Cluster(ended.enter_context(_client(distributed, target, place)), place, patience)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Dask writes no log meanwhile: what matters is said in one line."""
    theirs = logging.getLogger("distributed")
    before = theirs.level
    theirs.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        theirs.setLevel(before)


def _address(client: Any) -> str:
    return client.scheduler.address if client.scheduler else "its address"


def _client(distributed: Any, target: Any, place: str) -> Any:
    try:
        return distributed.Client(target, timeout=PATIENCE, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        why = " ".join(str(error).split())[:120] or type(error).__name__
        raise ClusterProblem(f"there is no scheduler at {place} ({why}); start one: dask scheduler.") from None


def _named(cluster: str, ended: contextlib.ExitStack) -> tuple[str, Any]:
    """What a text names: words for it, and what a client connects to."""
    kind, _, rest = cluster.partition(":")
    if kind == "local" and rest.isdecimal() and int(rest):
        folder = ended.enter_context(
            tempfile.TemporaryDirectory(prefix="layerscape-workers-", ignore_cleanup_errors=True)
        )
        return f"{rest} workers of this machine", ended.enter_context(local_cluster(int(rest), folder))
    if kind == "slurm" and rest:
        from layerscape.search.slurm import slurm_cluster

        return f"SLURM ({rest})", ended.enter_context(slurm_cluster(Path(rest)))
    if re.fullmatch(r"(tcp|tls|ucx|ws|wss|inproc)://\S+", cluster):
        return cluster, cluster
    raise InvalidValue(f"cluster={cluster!r} is no cluster; give {FORMS}.")


def local_cluster(n_workers: int, folder: str, **worker: Any) -> Any:
    """Workers of this machine in processes of their own, which end with this process, however that ends.

    They are commands, so that they do not run the script of the user, as processes that are spawned by Python would.
    """
    distributed = require("distributed", "cluster")
    from distributed.deploy.subprocess import SubprocessWorker

    options = {"nthreads": 1, "dashboard_address": None, "local_directory": folder, "death_timeout": 60}
    spec = {"worker_class": "distributed.Nanny", "worker_kwargs": {**options, "silence_logs": 50, **worker}}
    workers = {number: {"cls": SubprocessWorker, "options": spec} for number in range(n_workers)}
    quiet = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}  # any port: its own would be in use by another
    scheduler = {"cls": distributed.Scheduler, "options": {"host": "127.0.0.1", "port": 0, **quiet}}
    return distributed.SpecCluster(workers=workers, scheduler=scheduler, silence_logs=logging.CRITICAL)
