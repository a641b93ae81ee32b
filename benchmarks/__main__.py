"""All tables, one after the other: python -m benchmarks"""

from benchmarks import bombs, command_line, pytorch_out

for benchmark in (command_line, bombs, pytorch_out):
    benchmark.main()
