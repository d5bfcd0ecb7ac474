"""The exercises of lesson 09, limits."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocinb.bundle.validate import read_config
from ocinb.course.bundles import read_bundle
from ocinb.course.exercise import Exercise
from ocinb.course.words import Words, unlike, words
from ocinb.errors import ContainerNotFound

if TYPE_CHECKING:
    from ocinb.course.exercise import Scene

_MIB = 1 << 20
_PERIOD = 100_000
_HUNGRY = 24 * _MIB
_UNLIMITED = -1


def _check_resources(scene: Scene) -> Words | None:
    for memory, swap, processors in (
        (64, 64, 0.5),
        (32, 0, 1.5),
        (512, 256, 2),
        (100, None, 0.1),
        (random.randint(4, 999), random.randint(1, 999), random.randint(1, 40) / 10),
    ):
        together = _UNLIMITED if swap is None else (memory + swap) * _MIB
        wanted = {
            "memory": {"limit": memory * _MIB, "swap": together},
            "cpu": {"quota": round(processors * _PERIOD), "period": _PERIOD},
        }
        answer = scene.answer(memory, swap, processors)
        if answer != wanted:
            return unlike(f"resources({memory}, {swap}, {processors})", wanted, answer)
        if not all(isinstance(n, int) for part in answer.values() for n in part.values()):
            return words("JSON wants whole numbers there", "JSON 里这些要用整数")
    return None


def _check_hungry(scene: Scene) -> Words | None:
    containers = scene.engine.containers
    try:
        record = containers.get("hungry")
        bundle = Path(containers.state("hungry").bundle)
    except ContainerNotFound:
        return words("there is no container called hungry", "没有叫 hungry 的容器")
    if record.exit_status is None:
        return words("it has not ended yet", "它还没有结束")
    limit = _resources(bundle).get("memory", {}).get("limit", _UNLIMITED)
    if not 0 < limit <= _HUNGRY:
        return Words(
            en=f"its limit is {limit} bytes, not 24 MiB at most",
            zh=f"它的限额是 {limit} 字节，不在 24 MiB 以内",
        )
    if not record.out_of_memory:
        status = record.exit_status
        return Words(
            en=f"it ended with {status}, but the kernel killed nothing for lack of memory",
            zh=f"它以 {status} 结束，但内核没有因为内存不足杀过谁",
        )
    return None


def _check_parts(scene: Scene) -> Words | None:
    names = ["web", "db", "cache", "batch"]
    cases: list[tuple[dict[str, int], list[str]]] = [
        ({"web": 1536, "db": 512}, ["web", "db"]),
        ({"web": 1536, "db": 512}, ["db"]),
        ({"web": 1024}, []),
    ]
    for _ in range(20):
        shares = {name: random.randint(2, 4096) for name in names}
        cases.append((shares, random.sample(names, random.randint(1, 4))))
    for shares, busy in cases:
        total = sum(shares[name] for name in busy)
        wanted = {name: shares[name] / total for name in busy}
        found = scene.answer(dict(shares), list(busy))
        right = isinstance(found, dict) and found.keys() == wanted.keys()
        if not right or not all(math.isclose(found[n], wanted[n]) for n in wanted):
            return unlike(f"parts({shares}, {busy})", wanted, found)
    return None


def _resources(bundle: Path) -> dict[str, Any]:
    found: dict[str, Any] = read_config(bundle)["linux"].get("resources") or {}
    return found


def _check_modest(scene: Scene) -> Words | None:
    config = read_bundle(scene, "modest")
    if isinstance(config, Words):
        return config
    resources = _resources(scene.room / "modest")
    memory, cpu = resources.get("memory") or {}, resources.get("cpu") or {}
    time = cpu.get("quota", 0) / (cpu.get("period") or _PERIOD)
    faults = (
        (memory.get("limit") == 48 * _MIB, "memory.limit"),
        (memory.get("swap") == 48 * _MIB, "memory.swap"),
        (math.isclose(time, 1.5), "cpu.quota"),
        (cpu.get("shares") == 512, "cpu.shares"),
        ((resources.get("pids") or {}).get("limit") == 30, "pids.limit"),
    )
    for right, field in faults:
        if not right:
            return words(
                f"linux.resources.{field} is not as it was wished for",
                f"linux.resources.{field} 和要求的不一样",
            )
    return None


EXERCISES = (
    Exercise(
        name="09-resources",
        task=words(
            "Write resources(memory, swap, processors): memory and cpu of linux.resources.",
            "写出 resources(memory, swap, processors)：linux.resources 里的 memory 和 cpu。",
        ),
        check=_check_resources,
        function="resources",
        hints=(
            words(
                "swap in config.json counts the memory as well; -1 means no limit.",
                "config.json 里的 swap 把内存也算在内；-1 表示不限。",
            ),
            words(
                "the period is 100000 microseconds; the quota is that times the processors, "
                "as a whole number.",
                "周期是 100000 微秒；配额等于它乘以处理器数，取整数。",
            ),
        ),
        solution="""
def resources(memory, swap, processors):
    together = -1 if swap is None else (memory + swap) << 20
    cpu = {"quota": round(processors * 100_000), "period": 100_000}
    return {"memory": {"limit": memory << 20, "swap": together}, "cpu": cpu}
""",
        wrong=(
            """
def resources(memory, swap, processors):
    together = -1 if swap is None else swap << 20
    cpu = {"quota": round(processors * 100_000), "period": 100_000}
    return {"memory": {"limit": memory << 20, "swap": together}, "cpu": cpu}
""",
            """
def resources(memory, swap, processors):
    together = -1 if swap is None else (memory + swap) << 20
    cpu = {"quota": processors * 100_000, "period": 100_000}
    return {"memory": {"limit": memory << 20, "swap": together}, "cpu": cpu}
""",
            """
def resources(memory, swap, processors):
    together = ((memory + (swap or 0)) << 20)
    cpu = {"quota": round(processors * 100_000), "period": 100_000}
    return {"memory": {"limit": memory << 20, "swap": together}, "cpu": cpu}
""",
        ),
    ),
    Exercise(
        name="09-hungry",
        task=words(
            "Run a container hungry that ends for lack of memory, at 24 MiB at most.",
            "运行容器 hungry，限额至多 24 MiB，让它因内存不足而结束。",
        ),
        check=_check_hungry,
        hints=(
            words(
                "the program EATER of section 3 does it; mind the swap.",
                "第 3 节的程序 EATER 就行；注意交换区。",
            ),
            words(
                "--memory 24m --memory-swap 24m, and then sh -c with EATER.",
                "--memory 24m --memory-swap 24m，然后 sh -c 运行 EATER。",
            ),
        ),
        solution="""
%oci rm --force --all
_ = %oci run --name hungry --memory 24m --memory-swap 24m $lesson.image sh -c "{EATER}"
%oci check 09-hungry
""",
        wrong=(
            """
%oci rm --force --all
_ = %oci create --name hungry --memory 24m $lesson.image sleep 60
%oci start hungry
%oci kill --signal KILL hungry
%oci wait hungry
%oci check 09-hungry
""",
            """
%oci rm --force --all
_ = %oci run --name hungry --memory 32m --memory-swap 32m $lesson.image sh -c "{EATER}"
%oci check 09-hungry
""",
        ),
        answered=False,
        needs=("limits",),
    ),
    Exercise(
        name="09-parts",
        task=words(
            "Write parts(shares, busy): what part of a processor each busy container gets.",
            "写出 parts(shares, busy)：每个忙着的容器分到一个处理器的多少。",
        ),
        check=_check_parts,
        function="parts",
        hints=(
            words(
                "who is idle needs nothing, and its shares do not count.",
                "闲着的什么也不需要，它的份额不计入。",
            ),
            words(
                "divide each one's shares by the sum of the shares of all that are busy.",
                "用自己的份额除以所有忙着的容器的份额之和。",
            ),
        ),
        solution="""
def parts(shares, busy):
    total = sum(shares[name] for name in busy)
    return {name: shares[name] / total for name in busy}
""",
        wrong=(
            "lambda shares, busy: {n: shares[n] / sum(shares.values()) for n in busy}",
            "lambda shares, busy: {n: shares[n] / 1024 for n in busy}",
            "lambda shares, busy: {n: 1 / len(busy) for n in busy}",
        ),
    ),
    Exercise(
        name="09-modest",
        task=words(
            "Make a bundle in lesson.directory / 'modest' with the limits of the list.",
            "在 lesson.directory / 'modest' 里做一个 bundle，限额如课文所列。",
        ),
        check=_check_modest,
        hints=(
            words(
                "%oci bundle create --help lists the options, each with the field that it sets.",
                "%oci bundle create --help 列出选项，每个都注明它设置的字段。",
            ),
            words(
                "--memory 48m --memory-swap 48m (both together, so no swap) --cpus 1.5 "
                "--cpu-shares 512 --pids-limit 30",
                "--memory 48m --memory-swap 48m（两者合计，也就没有交换区） --cpus 1.5 "
                "--cpu-shares 512 --pids-limit 30",
            ),
        ),
        solution="""
import shutil

shutil.rmtree(lesson.directory / "modest", ignore_errors=True)
limits = "--memory 48m --memory-swap 48m --cpus 1.5 --cpu-shares 512 --pids-limit 30"
%oci bundle create {limits} $lesson.image $lesson.directory/modest
%oci check 09-modest
""",
        wrong=(
            """
import shutil

shutil.rmtree(lesson.directory / "modest", ignore_errors=True)
limits = "--memory 48m --cpus 1.5 --cpu-shares 512 --pids-limit 30"
%oci bundle create {limits} $lesson.image $lesson.directory/modest
%oci check 09-modest
""",
            """
import shutil

shutil.rmtree(lesson.directory / "modest", ignore_errors=True)
limits = "--memory 48m --memory-swap 48m --cpus 0.75 --cpu-shares 512 --pids-limit 30"
%oci bundle create {limits} $lesson.image $lesson.directory/modest
%oci check 09-modest
""",
        ),
        answered=False,
    ),
)
