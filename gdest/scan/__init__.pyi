from .exporting import unassigned as unassigned
from .job import Job as Job, prepare_scan as prepare_scan
from .journal import Journal as Journal
from .merge import merge_shards as merge_shards
from .outcome import MergeOutcome as MergeOutcome, Results as Results, ScanOutcome as ScanOutcome
from .output_lock import output_lock as output_lock
from .planning import PlanLine as PlanLine, preview as preview
from .scan import scan_archive as scan_archive, watch_archive as watch_archive
from .settings import ScanSettings as ScanSettings
from .shards import read_shard as read_shard
from .stopping import heard as heard
