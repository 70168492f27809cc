"""What is found of damaged pictures before a run, by a decoder and by the marks and sums of their files; as one table.

A JPEG or PNG that shows itself that it is whole is not decoded to see that, but once, when it is read. What its marks
and sums let pass and a decoder refuses would end a run that has begun. Photos of smooth noise, 320 × 240, are damaged
at random in each way; of those that a decoder refuses it is counted which are found without one too, and of those that
it decodes into something else without a word, since it has no sums to see it by. After that, the processor time of both
for one photo of 640 × 480.

    python -m benchmarks.damaged_pictures [--draws 400] [--write]
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable

import numpy as np
from PIL import Image

from benchmarks.publish import publish
from layerscape.inputs.images import decode
from layerscape.inputs.whole import is_whole

PHOTOS = 8
KINDS = {
    "JPEG": ("JPEG", {"quality": 90}),
    "JPEG, progressive": ("JPEG", {"quality": 90, "progressive": True}),
    "PNG": ("PNG", {}),
}
SECTOR = 512  # bytes

Damage = Callable[[bytes, np.random.Generator], bytes]


def photo(width: int, height: int, seed: int) -> Image.Image:
    """Smooth noise at several scales, and grain."""
    rng = np.random.default_rng(seed)
    total = 0.02 * rng.standard_normal((height, width, 3))
    for scale in (4, 8, 16, 32, 64, 128):
        rows, columns = max(2, height * scale // SECTOR), max(2, width * scale // SECTOR)
        for channel in range(3):
            small = Image.fromarray(rng.standard_normal((rows, columns)).astype(np.float32))
            total[..., channel] += np.asarray(small.resize((width, height), Image.Resampling.BICUBIC)) / scale**0.7
    total -= total.min()
    return Image.fromarray((total / total.max() * 255).astype(np.uint8))


def saved(image: Image.Image, kind: str) -> bytes:
    file, (format_, options) = io.BytesIO(), KINDS[kind]
    image.save(file, format_, **options)
    return file.getvalue()


def cut(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: rng.integers(1, len(content))]


def zeros_to_the_end(content: bytes, rng: np.random.Generator) -> bytes:
    return cut(content, rng).ljust(len(content), b"\0")


def flipped(n_bits: int, most: int | None = None) -> Damage:
    def damage(content: bytes, rng: np.random.Generator) -> bytes:
        changed = bytearray(content)
        for at in rng.integers(min(most or len(content), len(content)), size=n_bits):
            changed[at] ^= 1 << int(rng.integers(8))
        return bytes(changed)

    return damage


def sector(put: Callable[[np.random.Generator], bytes]) -> Damage:
    def damage(content: bytes, rng: np.random.Generator) -> bytes:
        at = SECTOR * rng.integers(len(content) // SECTOR)
        return content[:at] + put(rng) + content[at + SECTOR :]

    return damage


DAMAGES: dict[str, Damage] = {
    "cut at any byte": cut,
    "zeros from any byte on": zeros_to_the_end,
    "a sector of zeros": sector(lambda _: bytes(SECTOR)),
    "a sector of something else": sector(lambda rng: rng.bytes(SECTOR)),
    "a sector lost": sector(lambda _: b""),
    "line ends changed": lambda content, _: content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
    "1 bit flipped": flipped(1),
    "1 bit of the first 700 bytes": flipped(1, 700),
    "10 bits flipped": flipped(10),
    "100 bits flipped": flipped(100),
}


def refused(read: Callable[[bytes], object], content: bytes) -> bool:
    try:
        return not np.any(read(content))
    except Exception:  # a decoder may raise anything
        return True


def table_of_damage(draws: int) -> list[str]:
    lines = ["| picture | damage | a decoder refuses | of these found | it decodes | of these found |"]
    lines.append("|---|---|---:|---:|---:|---:|")
    for kind in KINDS:
        whole = [saved(photo(320, 240, seed), kind) for seed in range(PHOTOS)]
        assert all(map(is_whole, whole))
        for name, damage in DAMAGES.items():
            rng, counts = np.random.default_rng(0), np.zeros(4, int)
            for number in range(draws):
                damaged = damage(whole[number % PHOTOS], rng)
                place, found = 0 if refused(decode, damaged) else 2, refused(seen_whole, damaged)
                counts[[place, place + 1]] += 1, found
            lines.append(f"| {kind} | {name} | {' | '.join(map(str, counts))} |")
    return lines


def seen_whole(content: bytes) -> bool:
    """As before a run: whether the head can be read, and marks and sums are right."""
    with Image.open(io.BytesIO(content)):
        return is_whole(content)


def milliseconds(read: Callable[[bytes], object], content: bytes) -> float:
    taken = []
    for _ in range(9):
        start = time.thread_time()
        read(content)
        taken.append(time.thread_time() - start)
    return 1000 * min(taken)


def table_of_time() -> list[str]:
    lines = ["| picture, 640 × 480 | decoded, ms | marks and sums, ms |", "|---|---:|---:|"]
    for kind in KINDS:
        content = saved(photo(640, 480, 0), kind)
        lines.append(f"| {kind} | {milliseconds(decode, content):.1f} | {milliseconds(seen_whole, content):.2f} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=400)
    draws = parser.parse_known_args()[0].draws
    told = f"`python -m benchmarks.damaged_pictures`: {draws} damaged files of each kind."
    publish("Damaged pictures", [told, "", *table_of_damage(draws), "", *table_of_time()])


if __name__ == "__main__":
    main()
