#!/usr/bin/env python3
"""The live view, driven as a user would. usage: ui.py TSUMARI PCAPS [part ...]"""
import os
import re
import sys
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ui_figures
import ui_ladder
import ui_layout
import ui_live
import ui_packets
import ui_settings
import ui_tables
import ui_terminal
from ui_lib import PRESSED, Tmux, capture, check, summary

PARTS = [ui_layout.columns, ui_layout.tabs, ui_layout.verdict, ui_layout.bars, ui_layout.help_closes,
         ui_tables.screens, ui_tables.typed_ahead, ui_tables.filters, ui_tables.tables, ui_tables.saving, ui_tables.rewinding,
         ui_tables.under_way_then, ui_packets.packets, ui_packets.explained, ui_packets.texts, ui_ladder.ladder,
         ui_ladder.findings, ui_ladder.unread_tiers, ui_ladder.under_way, ui_packets.comments, ui_figures.findings, ui_figures.overview,
         ui_packets.again, ui_figures.hosts, ui_terminal.sizes, ui_terminal.mouse, ui_settings.settings,
         ui_settings.mouse_menus, ui_settings.stopped, ui_terminal.restoring,
         ui_terminal.no_terminal, ui_terminal.hostile, ui_live.memory, ui_live.live]


def help_is_complete():
    """Every key that the help names was pressed above."""
    t = Tmux(f"--live -r {capture('http-errors')}", 120, 60)
    t.wait(r"answers")
    named = set()
    for chain in (["1"], ["2"], ["3"], ["4"], ["5"], ["6"], ["7"], ["8"], ["6", "Enter"], ["3", "g", "Enter"], ["3", "g", "P"], ["3", "g", "P", "Enter"], ["3", "g", "A"], ["3", "g", "H"]):
        t.keys(*chain)
        t.settled()
        text = t.press("F1", r"Everywhere")
        for line in text.split("\n"):
            m = re.match(r"^   (\S.{0,18}\S?) {2,}\S", line)
            if m and not m.group(1).startswith("("):
                named.update(m.group(1).split())
        # Keys that a description names: "; { } a minute".
        t.keys("Escape", "Escape", "Escape", "Escape", "Escape")
        t.settled()
    missing = {k for k in named if k not in PRESSED and k != "F1"}
    check(len(named) > 50 and not missing, f"keys in the help that were never pressed: {missing} of {len(named)}")
    t.press("F1", r"Everywhere")
    t.leave("help")


def main():
    wanted = sys.argv[3:]
    for part in PARTS:
        if not wanted or part.__name__ in wanted:
            print(f"- {part.__name__}", flush=True)
            try:
                part()
            except Exception:  # what a screen lacks is told above; the other parts go on
                check(False, f"{part.__name__} ended early", traceback.format_exc())
    if not wanted:
        help_is_complete()
    return summary()


if __name__ == "__main__":
    sys.exit(main())
