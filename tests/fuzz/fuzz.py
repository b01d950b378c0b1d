"""Coverage-guided fuzzing of one target: needs atheris (``pip install .[fuzz]``).

    python tests/fuzz/fuzz.py TARGET [options of libFuzzer, such as -runs=1000000 or a folder]

What it finds is written to the current folder as ``crash-*``; copy it to ``corpus/TARGET`` once it
is understood, and the test-suite replays it for ever.
"""

import sys
from pathlib import Path

import atheris  # type: ignore[import-not-found, unused-ignore]

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent), str(HERE.parent.parent / "codecs")]

with atheris.instrument_imports(
    include=[
        "gateway.sip",
        "gateway.sdp",
        "gateway.rtp",
        "gateway.media",
        "gateway_codecs",
        "sound_targets",
        "beat_target",
    ]
):
    from targets import TARGETS

if __name__ == "__main__":
    name = sys.argv.pop(1)
    corpora = [HERE / "corpus" / name]
    if name in ("message", "stack", "framing"):
        corpora += sorted((HERE.parent / "vectors" / "sip").glob("rfc*"))
    given = [arg for arg in sys.argv[1:] if not arg.startswith("-")]
    options = [arg for arg in sys.argv[1:] if arg.startswith("-")]
    folders = [str(folder) for folder in corpora if folder.is_dir()]
    atheris.Setup([sys.argv[0], "-max_len=4096", *options, *given, *folders], TARGETS[name])
    atheris.Fuzz()
