"""Workers as jobs of SLURM: what the file of a user says, and the script that is submitted by it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from layerscape.errors import ClusterProblem, FileProblem, InvalidValue, need, require, unknown_name

OWN = {"jobs": 1}  # how many jobs; all else is what dask-jobqueue takes
NEEDED = ("cores", "memory")
KNOWN = (
    *("cores", "memory", "processes", "queue", "account", "walltime", "job_cpu", "job_mem", "job_extra_directives"),
    *("job_script_prologue", "worker_extra_args", "local_directory", "log_directory", "interface", "python", "nanny"),
    *("job_directives_skip", "death_timeout", "name", "scheduler_options", "shebang"),
)
EXAMPLE = "jobs: 8, cores: 4, memory: 16GB, walltime: '02:00:00', queue: NAME"


def slurm_cluster(file: Path) -> Any:
    """The cluster that a file describes, whose jobs are submitted.

    Raises
    ------
    FileProblem, InvalidValue
        If there is no such file, or what it says is not known.
    ClusterProblem
        If there is no SLURM on this machine.
    """
    jobs, options = read_slurm(file)
    if shutil.which("sbatch") is None:
        raise ClusterProblem(f"cluster='slurm:{file}': there is no sbatch here; run this where jobs are submitted.")
    cluster = _cluster(options)
    cluster.scale(jobs=jobs)
    return cluster


def job_script(file: Path) -> str:
    """The script of each job, as it is submitted."""
    with _cluster(read_slurm(file)[1]) as cluster:
        return cluster.job_script()


def read_slurm(file: Path) -> tuple[int, dict[str, Any]]:
    """How many jobs a file (YAML) asks for, and what each is like."""
    need("slurm")
    yaml = require("yaml", "slurm")
    try:
        found = yaml.safe_load(file.read_text())
    except OSError as error:
        raise FileProblem(f"{file} cannot be read ({error.strerror}); write there what a job is: {EXAMPLE}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FileProblem(f"{file} is no YAML ({' '.join(str(error).split())[:120]}).") from None
    if not isinstance(found, dict):
        raise InvalidValue(f"{file} holds no names and values; write there what a job is: {EXAMPLE}.")
    for name in found:
        if name not in (*OWN, *KNOWN):
            raise unknown_name(f"entry of {file}", str(name), (*OWN, *KNOWN))
    if missing := [name for name in NEEDED if name not in found]:
        raise InvalidValue(f"{file} does not say {missing[0]}; write there what a job is: {EXAMPLE}.")
    jobs = found.pop("jobs", OWN["jobs"])
    for name, value in (("jobs", jobs), ("cores", found["cores"])):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InvalidValue(f"{file}: {name} is {value!r}; give a whole number of 1 or more.")
    return jobs, found


def _cluster(options: dict[str, Any]) -> Any:
    jobqueue = require("dask_jobqueue", "slurm")
    try:
        return jobqueue.SLURMCluster(
            **{"scheduler_options": {"dashboard": False, "dashboard_address": ":0"}, **options}
        )
    except (ValueError, TypeError) as error:
        raise InvalidValue(f"dask-jobqueue does not take that ({' '.join(str(error).split())[:200]}).") from None
