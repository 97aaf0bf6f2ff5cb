"""A workbook that the disk cannot hold is one sentence, wherever it is cut short."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HELPERS = Path(__file__).parent.parent
LIMITED = """
import resource, signal, sys
from pathlib import Path
from helpers.table_rows import row
from gdest.core.errors import OutputError
from gdest.reports.record import Record
from gdest.reports.workbook import write_workbook
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
record = Record([row(f"{number}.tif") for number in range(200)], ("/archive",), "fake", "1" * 64)
path = Path(sys.argv[1])
write_workbook(record, [], (), path)
whole = path.stat().st_size
for part in range(20):
    resource.setrlimit(resource.RLIMIT_FSIZE, (whole * part // 20, resource.RLIM_INFINITY))
    try:
        write_workbook(record, [], (), path)
    except OutputError as error:
        sys.stdout.write(f"{error}\\n")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""


def test_wherever_the_disk_ends_one_sentence_tells_it_and_no_traceback(tmp_path):
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "results.xlsx")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=HELPERS)
    assert (done.returncode, done.stderr) == (0, "")
    said = f"Cannot write {tmp_path / 'results.xlsx'}: File too large."
    assert done.stdout.splitlines() == [said] * 20
    assert [path.name for path in tmp_path.iterdir()] == ["results.xlsx"]
