"""Models of a few bytes in the formats of the real ones: they run, and say something simple."""

from pathlib import Path
from string import ascii_lowercase

import espeakng_loader
import numpy as np
import onnx
from onnx import TensorProto, helper


def voice(folder: Path, rate: int = 22_050, seconds: float = 0.5) -> Path:
    """A Piper voice (VITS) that says everything as the same quiet sound of this length."""
    folder.mkdir(parents=True)
    samples = (0.25 * np.sin(np.arange(int(rate * seconds)) * 0.1)).astype(np.float32)
    sound = helper.make_tensor("sound", TensorProto.FLOAT, [1, 1, len(samples)], samples)
    graph = helper.make_graph(
        [helper.make_node("Constant", [], ["output"], value=sound)],
        "voice",
        [
            helper.make_tensor_value_info("input", TensorProto.INT64, ["N", "L"]),
            helper.make_tensor_value_info("input_lengths", TensorProto.INT64, ["N"]),
            helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
        ],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", 1, "T"])],
    )
    facts = {"model_type": "vits", "comment": "piper", "language": "English", "voice": "en-us",
             "has_espeak": "1", "n_speakers": "1", "sample_rate": str(rate)}  # fmt: skip
    _save(graph, facts, folder / "voice.onnx")
    letters = [0xE6, 0xE7, 0xF0, 0xF8, 0x127, 0x14B, 0x153, 0x3B2, 0x3B8, 0x3C7]
    signs = [*"_^$ !'(),-.:;?", *ascii_lowercase, *map(chr, (*letters, *range(0x250, 0x2D2)))]
    lines = [f"{sign} {number}" for number, sign in enumerate(signs)]
    (folder / "tokens.txt").write_text("\n".join(lines) + "\n")
    (folder / "espeak-ng-data").symlink_to(espeakng_loader.get_data_path())
    return folder


def _save(graph: onnx.GraphProto, facts: dict[str, str], path: Path) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, facts)
    onnx.save(model, str(path))
