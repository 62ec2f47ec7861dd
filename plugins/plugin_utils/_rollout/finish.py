# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The last step of a rollout: the report."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.voip.cisco79xx.plugins.module_utils._files import cause, remedy
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report import writer
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.unwritten import why_unwritten
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import plan_file, run_report
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.handover import Handover, Run
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import RunReport


def report(handover: Handover, run: Run) -> tuple[RunReport, str]:
    """Write the report, tell the CI job, and forget this run: what the next one has to know is in the ledgers of the sites.

    Returns the report, and why it could not be written, or an empty text.
    """
    result, unwritten = run_report.make(handover, run), ""
    makes_plan = run.check and not run.rules.plan
    has_plan = makes_plan and not result.error
    try:
        if makes_plan:
            plan_file.forget(run.rules.report_dir)
            if has_plan:
                result = replace(result, plan=plan_file.write(run.rules.report_dir, handover, run))
        writer.write(run.rules.report_dir, result, *([plan_file.NAME] if has_plan else []))
    except OSError as error:
        why = why_unwritten(run.rules.report_dir, error) if isinstance(error, PermissionError) else f"{cause(error)}; {remedy(error)}"
        unwritten = f"the report could not be written, and what is in {run.rules.report_dir} is older: {why}"
    writer.publish(result)
    handover.remove()
    return result, unwritten
