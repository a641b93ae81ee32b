"""All tables, one after the other: python -m benchmarks"""

import subprocess
import sys

from benchmarks import bombs, command_line, pictures, pytorch_out

for benchmark in (command_line, bombs, pictures, pytorch_out):
    benchmark.main()
sys.stdout.flush()
subprocess.run(
    [sys.executable, "-m", "benchmarks.numpy_speed"], check=True
)  # it sets how many threads there are
