#!/usr/bin/env python3
"""A terminal's screen, as tmux capture-pane -e prints it, on the standard input; SVG on the output."""
import html
import re
import sys
import unicodedata

WIDTH, HEIGHT, COLUMNS = 8.4, 17, 132
COLOURS = ["#1c1c1c", "#e05561", "#8cc265", "#d18f52", "#4aa5f0", "#c162de", "#42b3c2", "#d7dae0"]
FRONT, BACK = "#d7dae0", "#1c1c1c"


def apply(state, codes):
    for c in codes:
        if c in (0, 39, 49, 22, 27, 24):
            if c == 0:
                state.update(front=None, back=None, bold=False, dim=False, reverse=False, under=False)
            elif c == 39:
                state["front"] = None
            elif c == 49:
                state["back"] = None
            elif c == 22:
                state.update(bold=False, dim=False)
            elif c == 27:
                state["reverse"] = False
            else:
                state["under"] = False
        elif c == 1:
            state["bold"] = True
        elif c == 2:
            state["dim"] = True
        elif c == 4:
            state["under"] = True
        elif c == 7:
            state["reverse"] = True
        elif 30 <= c <= 37:
            state["front"] = COLOURS[c - 30]
        elif 40 <= c <= 47:
            state["back"] = COLOURS[c - 40]


def main():
    lines = sys.stdin.read().rstrip("\n").split("\n")
    state = dict(front=None, back=None, bold=False, dim=False, reverse=False, under=False)
    width, height = COLUMNS * WIDTH + 16, len(lines) * HEIGHT + 16
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" '
          f'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14">')
    print(f'<rect width="100%" height="100%" rx="6" fill="{BACK}"/>')
    for y, line in enumerate(lines):
        x = 0
        for part in re.split(r"(\x1b\[[0-9;]*m)", line):
            m = re.fullmatch(r"\x1b\[([0-9;]*)m", part)
            if m:
                apply(state, [int(c or 0) for c in m.group(1).split(";")])
                continue
            if not part:
                continue
            columns = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in part)
            front, back = state["front"] or FRONT, state["back"]
            if state["reverse"]:
                front, back = back or BACK, front
            left, top = 8 + x * WIDTH, 8 + y * HEIGHT
            if back:
                print(f'<rect x="{left:.1f}" y="{top}" width="{columns * WIDTH:.1f}" height="{HEIGHT}" fill="{back}"/>')
            if part.strip():
                style = ' font-weight="bold"' if state["bold"] else ""
                style += ' opacity="0.75"' if state["dim"] else ""
                print(f'<text x="{left:.1f}" y="{top + 13}" fill="{front}"{style} xml:space="preserve" '
                      f'textLength="{columns * WIDTH:.1f}" lengthAdjust="spacingAndGlyphs">{html.escape(part)}</text>')
            x += columns
    print("</svg>")


main()
