# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All rules about phones in the order in which they are asked: the first that finds its story gives the verdict.

A rule is a function that is named after its verdict and its story. docs/diagnosis.md shows this table.
"""

from __future__ import annotations

import re
from typing import Callable, NamedTuple, Optional

from . import rules_boot, rules_data, rules_image
from .case import Case
from .verdicts import CANNOT_TELL, VERDICTS, Finding, Verdict

ALWAYS, RUNS, STANDS = "always", "runs", "stands"
"""Of which phones a rule speaks: of each, of those whose application runs, of the others."""

# Its name and of which phones; what it is seen by; after "but not", what speaks against it.
_TABLE = """
not_ours_other_model, always: A file that only another model asks for, such as term61.default.loads or ATADefault.cnf.xml.
  but not: OS79XX.TXT, SIPDefault.cnf or RINGLIST.DAT.
config_missing_asked_again, always: SIP<MAC>.cnf alone three times, 20 to 45 s apart.
  but not: Any other file after it.
server_refuses_relative_names, always: 'Only absolute filenames allowed' in the last boot.
  but not: A file that was answered otherwise since.
server_refuses_instead_of_not_found, always: A refusal other than 'File not found' of a file that a loader hunts for, and nothing after it.
  but not: Any other file asked for afterwards.
data_never_arrives_unacknowledged, always: A capture in which the phone acknowledges nothing of what is sent.
  but not: A later file that was sent whole.
server_slow_late_answers, always: Two files asked for three times each, and answers that come 3 s after the first request or later.
  but not: One answer that came at once.
data_never_arrives_broken_off, always: Two transfers that broke off at the end of the log, or nothing in a boot but such.
  but not: A file that was had since.
data_never_arrives_though_answered, always: A file that was answered and asked for three times in the rhythm of retries (1 s, 4 s, 4 s),
  with no other file after it.
  but not: Three other files that were asked for once each.
server_restarted_while_asked, always: The same without an answer, and a start of the server meanwhile.
  but not: A request after the start that is not answered either.
server_silent_to_this_phone, always: The same without an answer, in a log that has answers to others.
  but not: An answer.
data_never_arrives_unanswered, always: The same without an answer, in a log of requests only.
  but not: Three other files that were asked for once each.
data_never_arrives_all_the_boot, always: Two files of the last boot asked for three times each, or one such and others asked for again after
  4 s: the phone gives up one after another. Also of the boot before the last one, if there is a good one before that.
  but not: Two good boots since.
image_missing_misspelt, always: A request for an image by a name that no file can have: the letter O for the digit 0, a blank or carriage
  return, two extensions or none, no name, a name cut at eight characters.
  but not: That the file was sent.
image_missing_unsigned, always: A request for the .sbn of an image up to 4.x, which is unsigned.
  but not: That the file was sent.
image_missing_loader_not_named, always: A request for the .sbn or .bin of an application of 7.x or later.
  but not: That the file was sent.
image_missing_no_such_file, always: A request for another file that the release named does not have.
  but not: That the file was sent.
image_wrong_case, always: An image that is not found, and is in the root in another case.
  but not: The exact name in the root.
image_unreadable, always: An image that the server may not read.
  but not: A later boot without that request.
cannot_tell_image_came_since, always: An image that was not found, and is in the root.
  but not: A later boot.
image_missing, always: An image asked for in the last boot that is not found, or not in the root where the server tells nothing.
  but not: The exact name in the root.
other_root, always: Configuration asked for in a folder that is not there.
  but not: That folder in the root.
config_missing_both, always: Neither SIPDefault.cnf nor SIP<MAC>.cnf is there.
  but not: Either of them.
image_rejected, always: An image fetched whole twice in one boot that then goes on, or in boot after boot, or by 6.x in a boot that goes on
  at once.
  but not: A boot since in which it is not asked for; a transfer that broke off.
stuck_loader_same_image, always: The same image in three boots, none of which comes to an application.
  but not: An application that runs.
cannot_tell_log_ends_in_update, always: An image fetched at the end of a log that is older than five minutes, or by one of several phones.
  but not: A newer log.
flashing, always: An image fetched less than five minutes ago.
  but not: Anything that an application asks for.
server_restarted_in_update, runs: An image asked for and not taken, and a start of the server meanwhile.
  but not: A later boot.
cannot_tell_image_not_taken, runs: An image that the application asked for and went on without; what became of it is not in the log.
  but not: A later boot.
cannot_tell_image_again, runs: An image asked for in boot after boot by an application that runs, in a log of requests only.
  but not: A boot since in which it is not asked for.
cannot_tell_unanswered, runs: A boot without an answer to what exists, in a log that says what was sent.
  but not: An answer.
cannot_tell_image_of_whom, runs: An image that was not had, by this phone or by another.
  but not: A later boot.
config_missing_while_it_runs, runs: An application that runs without SIP<MAC>.cnf.
  but not: A later boot with it.
cannot_tell_folder, runs: SIPDefault.cnf in a folder, in a log of requests only.
  but not: The names in the root (tftp_root).
cannot_tell_refusal_of_what, runs: A refusal without its request, near one for SIP<MAC>.cnf that has no answer.
  but not: The request, with the number of the same process.
cannot_tell_refused, runs: A configuration file that broke off.
  but not: The same file, sent whole.
cannot_tell_boot_not_shown, runs: A boot of which the log shows the start or the end only.
  but not: An older or newer log.
boot_loop_whole_boots, runs: Six boots or more, each less than ten minutes after the one before.
  but not: Half an hour without a boot; an image fetched.
cannot_tell_too_many_boots, runs: Five such boots, the last less than five minutes ago, or more whenever that was.
  but not: An image fetched; a later boot.
cannot_tell_asked_again, runs: A file asked for again after 4 s, in a log of requests only.
  but not: Answers in the log.
healthy, runs: The last boot from its first file to RINGLIST.DAT. It is certain if all that the model of the phone has for such a boot was
  asked for, and each request was answered, with 'File not found' only for what need not exist.
  but not: All of the above.
stuck_loader, stands: Four boots in a row that ask for a loader's files and come to no application.
  but not: An application that runs.
not_ours_other_protocol, stands: Only files that phones with SCCP or MGCP ask for; CTLSEP<MAC>.tlv and SEP<MAC>.cnf.xml alone, for more than
  half a minute.
  but not: SIPDefault.cnf, SIP<MAC>.cnf, RINGLIST.DAT or a SIP image.
cannot_tell_protocol, stands: SEP<MAC>.cnf.xml alone, for more than half a minute, in a log of requests only.
  but not: Answers in the log.
boot_loop, stands: Four boots in a row, each less than 150 s after the one before, that come to no application.
  but not: An application that runs.
config_missing_in_the_end, stands: SIP<MAC>.cnf not found after SIPDefault.cnf, and nothing for two minutes.
  but not: A later boot with it.
server_restarted_in_boot, stands: A last request without an answer, and a start of the server after it.
  but not: Any later request.
cannot_tell_boot_under_way, stands: The log ends less than two minutes after its last request.
  but not: A newer log.
cannot_tell_image_of_whom, stands: An image that was not had, by this phone or by another.
  but not: A later boot.
fell_silent, stands: Nothing after .loads or an image for five minutes, or after OS79XX.TXT for three, while the log goes on.
  but not: Any later request.
cannot_tell_how_it_went_on, stands: None of these.
"""


class Rule(NamedTuple):
    """One story. `find` looks for it; `when`: of which phones; `seen`: its evidence; `refuted`: what speaks against it."""

    find: Callable[[Case], Optional[Finding]]
    when: str
    seen: str
    refuted: str

    @property
    def name(self) -> str:
        return self.find.__name__

    @property
    def verdict(self) -> str:
        """The longest name of a verdict that the rule's name begins with."""
        return max((one for one in VERDICTS if self.name.startswith(one)), key=len)


_FINDERS = {**vars(rules_boot), **vars(rules_data), **vars(rules_image)}
_RULE = re.compile(r"^(\w+), (\w+): (.*?)\n(?:  but not: (.*?)\n)?(?=\w|\Z)", re.MULTILINE | re.DOTALL)
RULES = tuple(
    Rule(_FINDERS[name], when, *(" ".join((text or "").split()) for text in texts)) for name, when, *texts in _RULE.findall(_TABLE)
)


def judge(case: Case) -> Verdict:
    """What the first rule finds that finds anything."""
    when = (ALWAYS, RUNS if case.runs else STANDS)
    for rule in RULES:
        found = rule.find(case) if rule.when in when else None
        if found:
            verdict = rule.verdict
            return Verdict(verdict, CANNOT_TELL if verdict == CANNOT_TELL else found.confidence, found.advice, found.evidence)
    raise AssertionError("the last rule finds something in any case")
