# SPDX-License-Identifier: AGPL-3.0-only
"""Nothing leaves the machine and nothing is written outside our home, proven in a fresh process."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import torch

from engine.detectors.ultralytics_quiet import _Later, quiet_environment, without_compiler
from tests.engine.detectors.families import random_model

ROOT = Path(__file__).resolve().parents[3]
WORK = """
    import socket, sys

    def refuse(*arguments, **options):
        print("network:", arguments, file=sys.stderr)
        raise OSError("no network in this test")

    for name in ("connect", "connect_ex", "sendto", "bind"):
        setattr(socket.socket, name, refuse)
    socket.getaddrinfo = socket.create_connection = refuse

    import torch
    from PIL import Image
    before, open_image = torch.get_num_threads(), Image.open
    from engine.detectors.base import Targets
    from engine.detectors.loading import load_detector
    detector = load_detector(sys.argv[1], device="cpu")
    images = torch.rand(1, 3, 64, 64, requires_grad=True)
    targets = Targets(
        boxes_xyxy_px=torch.tensor([[8.0, 8, 40, 40]]), class_ids=torch.tensor([0]),
        image_index=torch.tensor([0]), images=1,
    )
    detector.losses(images, targets)["total"].backward()
    detector.detect(images)
    from ultralytics.utils import SETTINGS
    import os
    assert SETTINGS["sync"] is False
    assert "OMP_NUM_THREADS" not in os.environ
    assert torch.get_num_threads() == before
    assert Image.open is open_image  # Ultralytics' own installs packages

    from engine.config import ScheduleConfig
    from engine.patch.schedules import Plateau
    from engine.registries import OPTIMIZERS
    from engine.seeding import seed_everything
    seed_everything(0)
    optimizer = OPTIMIZERS["pyramid-adam"].make(torch.rand(3, 8, 8), 0.1)
    optimizer.zero_grad()
    optimizer.load_state_dict(optimizer.state_dict())
    Plateau(ScheduleConfig()).step(1.0)
    assert "torch._dynamo" not in sys.modules  # PyTorch's compiler: seconds for nothing
    print("done")
"""


def test_a_module_that_stands_for_another_loads_it_when_it_is_called():
    with without_compiler():
        from torch._dynamo.utils import is_compile_supported
    assert not isinstance(sys.modules.get("torch._dynamo.utils"), _Later)
    assert callable(is_compile_supported)
    assert _Later("json").dumps([1]) == "[1]"


def test_a_run_in_a_fresh_process_stays_at_home(tmp_path):
    weights, user, home = tmp_path / "mine.pt", tmp_path / "user", tmp_path / "bench"
    torch.save({"model": random_model("yolov8n")}, weights)
    user.mkdir()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("YOLO_", "OMP_"))
    }
    environment |= {"HOME": str(user), "XDG_CONFIG_HOME": str(user / ".config"), "PATCHBENCH_HOME": str(home)}
    environment |= {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(WORK), str(weights)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "done\n"
    assert "network:" not in done.stderr
    assert not [path for path in user.rglob("*") if "ltralytics" in path.name]
    assert (home / "ultralytics").is_dir()
    assert {path.name for path in tmp_path.iterdir()} <= {"mine.pt", "user", "bench", "home"}


def test_the_import_does_not_wait_for_other_processes_of_a_run(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with quiet_environment():
        assert "WORLD_SIZE" not in os.environ
    assert os.environ["WORLD_SIZE"] == "2"
