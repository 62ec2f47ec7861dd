# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All rules about phones in the order in which they are asked: the first that finds its story gives the verdict.

A rule that is named after a verdict leads to it. docs/diagnosis.md shows this table.
"""

from __future__ import annotations

from typing import Callable, NamedTuple, Optional

from . import rules_boot as boot
from . import rules_data as data
from . import rules_image as images
from .case import Case
from .verdicts import CANNOT_TELL, VERDICTS, Finding, Verdict

ALWAYS, RUNS, STANDS = "always", "its application runs", "its application does not run"


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


RULES = (
    Rule(
        boot.not_ours_other_model,
        ALWAYS,
        "A file that only another model asks for, such as term61.default.loads or ATADefault.cnf.xml.",
        "OS79XX.TXT, SIPDefault.cnf or RINGLIST.DAT.",
    ),
    Rule(
        boot.config_missing_asked_again,
        ALWAYS,
        "SIP<MAC>.cnf alone three times, 20 to 45 s apart.",
        "Any other file after it.",
    ),
    Rule(
        data.server_refuses_relative_names,
        ALWAYS,
        "'Only absolute filenames allowed' in the last boot.",
        "An application that runs.",
    ),
    Rule(
        data.server_refuses_instead_of_not_found,
        ALWAYS,
        "A refusal other than 'File not found' of a file that a loader hunts for, and nothing after it.",
        "Any other file asked for afterwards.",
    ),
    Rule(
        data.data_never_arrives_unacknowledged,
        ALWAYS,
        "A capture in which the phone acknowledges nothing of what is sent.",
        "A later file that was sent whole.",
    ),
    Rule(
        data.server_slow_late_answers,
        ALWAYS,
        "Two files asked for three times each, and answers that come 3 s after the first request or later.",
        "One answer that came at once.",
    ),
    Rule(
        data.data_never_arrives_broken_off,
        ALWAYS,
        "Two transfers that broke off at the end of the log, or nothing in a boot but such.",
        "A file that was had since.",
    ),
    Rule(
        data.data_never_arrives_though_answered,
        ALWAYS,
        "A file that was answered and asked for three times in the rhythm of retries (1 s, 4 s, 4 s), with no other file after it.",
        "Three other files that were asked for once each.",
    ),
    Rule(
        data.server_restarted_while_asked,
        ALWAYS,
        "The same without an answer, and a start of the server meanwhile.",
        "A request after the start that is not answered either.",
    ),
    Rule(
        data.server_silent_to_this_phone,
        ALWAYS,
        "The same without an answer, in a log that has answers to others.",
        "An answer.",
    ),
    Rule(
        data.data_never_arrives_unanswered,
        ALWAYS,
        "The same without an answer, in a log of requests only.",
        "Three other files that were asked for once each.",
    ),
    Rule(
        data.data_never_arrives_all_the_boot,
        ALWAYS,
        "Two files of the last boot asked for three times each, or one such and others asked for again after 4 s: the phone gives up "
        "one after another. Also of the boot before the last one, if there is a good one before that.",
        "Two good boots since.",
    ),
    Rule(
        images.image_missing_misspelt,
        ALWAYS,
        "A request for an image by a name that no file can have: the letter O for the digit 0, a blank or carriage return, two extensions "
        "or none, no name, a name cut at eight characters.",
        "That the file was sent.",
    ),
    Rule(
        images.image_missing_unsigned,
        ALWAYS,
        "A request for the .sbn of an image up to 4.x, which is unsigned.",
        "That the file was sent.",
    ),
    Rule(
        images.image_missing_loader_not_named,
        ALWAYS,
        "A request for the .sbn or .bin of an application of 7.x or later.",
        "That the file was sent.",
    ),
    Rule(
        images.image_missing_no_such_file,
        ALWAYS,
        "A request for another file that the release named does not have.",
        "That the file was sent.",
    ),
    Rule(images.image_wrong_case, ALWAYS, "An image that is not found, and is in the root in another case.", "The exact name in the root."),
    Rule(
        images.image_unreadable,
        ALWAYS,
        "An image that the server may not read.",
        "A later boot without that request.",
    ),
    Rule(
        images.cannot_tell_image_came_since,
        ALWAYS,
        "An image that was not found, and is in the root.",
        "A later boot.",
    ),
    Rule(
        images.image_missing,
        ALWAYS,
        "An image asked for in the last boot that is not found, or not in the root where the server tells nothing.",
        "The exact name in the root.",
    ),
    Rule(
        boot.other_root,
        ALWAYS,
        "Configuration asked for in a folder that is not there.",
        "That folder in the root.",
    ),
    Rule(
        boot.config_missing_both,
        ALWAYS,
        "Neither SIPDefault.cnf nor SIP<MAC>.cnf is there.",
        "Either of them.",
    ),
    Rule(
        images.image_rejected,
        ALWAYS,
        "An image fetched whole twice in one boot that then goes on, or in boot after boot, or by 6.x in a boot that goes on at once.",
        "A boot since in which it is not asked for; a transfer that broke off.",
    ),
    Rule(
        images.stuck_loader_same_image,
        ALWAYS,
        "The same image in three boots, none of which comes to an application.",
        "An application that runs.",
    ),
    Rule(
        boot.cannot_tell_log_ends_in_update,
        ALWAYS,
        "An image fetched at the end of a log that is older than five minutes, or by one of several phones.",
        "A newer log.",
    ),
    Rule(
        boot.flashing,
        ALWAYS,
        "An image fetched less than five minutes ago.",
        "Anything that an application asks for.",
    ),
    Rule(
        images.server_restarted_in_update,
        RUNS,
        "An image asked for and not taken, and a start of the server meanwhile.",
        "A later boot.",
    ),
    Rule(
        images.cannot_tell_image_not_taken,
        RUNS,
        "An image that the application asked for and went on without; what became of it is not in the log.",
        "A later boot.",
    ),
    Rule(
        images.cannot_tell_image_again,
        RUNS,
        "An image asked for in boot after boot by an application that runs, in a log of requests only.",
        "A boot since in which it is not asked for.",
    ),
    Rule(
        data.cannot_tell_unanswered,
        RUNS,
        "A boot without an answer, in a log that says what was sent.",
        "An answer.",
    ),
    Rule(
        images.cannot_tell_image_of_whom,
        RUNS,
        "An image that was not had, by this phone or by another.",
        "A later boot.",
    ),
    Rule(
        boot.config_missing_while_it_runs,
        RUNS,
        "An application that runs without SIP<MAC>.cnf.",
        "A later boot with it.",
    ),
    Rule(
        boot.cannot_tell_folder,
        RUNS,
        "SIPDefault.cnf in a folder, in a log of requests only.",
        "The names in the root (tftp_root).",
    ),
    Rule(
        boot.cannot_tell_refused,
        RUNS,
        "A configuration file that broke off.",
        "The same file, sent whole.",
    ),
    Rule(
        boot.cannot_tell_boot_not_shown,
        RUNS,
        "A boot of which the log shows the start or the end only.",
        "An older or newer log.",
    ),
    Rule(
        boot.boot_loop_whole_boots,
        RUNS,
        "Six boots or more, each less than ten minutes after the one before.",
        "Half an hour without a boot; an image fetched.",
    ),
    Rule(
        boot.cannot_tell_too_many_boots,
        RUNS,
        "Five such boots, the last less than five minutes ago, or more whenever that was.",
        "An image fetched; a later boot.",
    ),
    Rule(
        data.cannot_tell_asked_again,
        RUNS,
        "A file asked for again after 4 s, in a log of requests only.",
        "Answers in the log.",
    ),
    Rule(
        boot.healthy,
        RUNS,
        "The last boot from its first file to RINGLIST.DAT. It is certain if all that the model of the phone has for such a boot was "
        "asked for, and each request was answered, with 'File not found' only for what need not exist.",
        "All of the above.",
    ),
    Rule(
        boot.stuck_loader,
        STANDS,
        "Four boots in a row that ask for a loader's files and come to no application.",
        "An application that runs.",
    ),
    Rule(
        boot.not_ours_other_protocol,
        STANDS,
        "Only files that phones with SCCP or MGCP ask for; CTLSEP<MAC>.tlv and SEP<MAC>.cnf.xml alone, for more than half a minute.",
        "SIPDefault.cnf, SIP<MAC>.cnf, RINGLIST.DAT or a SIP image.",
    ),
    Rule(
        boot.cannot_tell_protocol,
        STANDS,
        "SEP<MAC>.cnf.xml alone, for more than half a minute, in a log of requests only.",
        "Answers in the log.",
    ),
    Rule(
        boot.boot_loop,
        STANDS,
        "Four boots in a row, each less than 150 s after the one before, that come to no application.",
        "An application that runs.",
    ),
    Rule(
        boot.config_missing_in_the_end,
        STANDS,
        "SIP<MAC>.cnf not found after SIPDefault.cnf, and nothing for two minutes.",
        "A later boot with it.",
    ),
    Rule(
        boot.server_restarted_in_boot,
        STANDS,
        "A last request without an answer, and a start of the server after it.",
        "Any later request.",
    ),
    Rule(
        boot.cannot_tell_boot_under_way,
        STANDS,
        "The log ends less than two minutes after its last request.",
        "A newer log.",
    ),
    Rule(
        images.cannot_tell_image_of_whom,
        STANDS,
        "An image that was not had, by this phone or by another.",
        "A later boot.",
    ),
    Rule(
        boot.fell_silent,
        STANDS,
        "Nothing after .loads or an image for five minutes, or after OS79XX.TXT for three, while the log goes on.",
        "Any later request.",
    ),
    Rule(
        boot.cannot_tell_how_it_went_on,
        STANDS,
        "None of these.",
        "",
    ),
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
