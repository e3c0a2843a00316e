"""The chaos rig: faults strike a whole Waybill while a workload runs, and a judge reads what became of it."""
