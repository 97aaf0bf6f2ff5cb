from .exporting import say_unassigned as say_unassigned
from .merge import run_merge as run_merge
from .output_lock import output_lock as output_lock
from .run import run_scan as run_scan
from .settings import ScanSettings as ScanSettings
from .shards import read_shard as read_shard
