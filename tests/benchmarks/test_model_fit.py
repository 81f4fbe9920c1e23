"""Time and memory of `Model.fit`."""

import os
import subprocess
import sys
import time

from benchmarks import model_fit


def test_memory_is_that_of_a_process_and_of_those_that_descend_from_it():
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'x = chr(65) * 50_000_000; input()'])"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as process:
        end = time.monotonic() + 30
        while sum(map(model_fit._share, model_fit._family(process.pid))) < 55_000 and time.monotonic() < end:
            time.sleep(0.05)
        family = list(model_fit._family(process.pid))
        assert sum(map(model_fit._share, family)) > 55_000
        assert model_fit._share(process.pid) < 50_000
        process.communicate(b"\n")
    assert len(family) == 2
    assert model_fit._share(family[1]) == 0
    assert os.getpid() not in family


def test_a_fit_in_a_process_of_its_own(data_folder):
    """So few events are no test; what is done and how long it takes is in the row."""
    world, size, wall, cpu, memory, tables = model_fit.row(data_folder, 1200, 1.0)
    assert size == "1,200"
    assert world == ""
    assert int(wall) >= 0
    assert int(cpu) >= 1
    assert 100 < int(memory) < 3000
    assert tables == "as shipped: there are only 1,200 training events"
