#!/usr/bin/env python3
"""Draws README's pictures, light and dark. The standard library is enough.

    docs/pictures/draw.py            writes the SVG files beside this script
    docs/pictures/draw.py --check    fails if they are not what it would write

The plot's figures are the benchmark's tables in docs/performance.md.
"""

import re
import sys
from pathlib import Path
from xml.sax.saxutils import escape

HERE = Path(__file__).parent
PERFORMANCE = HERE.parent / "performance.md"

THEMES = {
    "light": {"text": "#1f2328", "quiet": "#59636e", "line": "#8c959f", "box": "#f6f8fa", "edge": "#d1d9e0",
              "strong": "#0969da", "good": "#1a7f37", "bad": "#bc4c00"},
    "dark": {"text": "#f0f6fc", "quiet": "#9198a1", "line": "#656c76", "box": "#151b23", "edge": "#3d444d",
             "strong": "#4493f8", "good": "#3fb950", "bad": "#db6d28"},
}


class Picture:
    """An SVG in one theme."""

    def __init__(self, width, height, title, theme):
        self.colors = THEMES[theme]
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, DejaVu Sans, sans-serif" font-size="13">',
            f"<title>{escape(title)}</title>",
            f'<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            f'<path d="M0 0 8 4 0 8z" fill="{self.colors["line"]}"/></marker>',
        ]

    def text(self, x, y, text, color="text", anchor="middle", size=13, bold=False):
        weight = ' font-weight="600"' if bold else ""
        self.parts.append(
            f'<text x="{x}" y="{y}" fill="{self.colors[color]}" text-anchor="{anchor}" font-size="{size}"{weight}>'
            f"{escape(text)}</text>"
        )

    def rectangle(self, x, y, width, height, fill="box", edge="edge", radius=6):
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}" fill="{self.colors[fill]}" '
            f'stroke="{self.colors[edge]}"/>'
        )

    def box(self, x, y, width, height, title, *lines, edge="edge"):
        self.rectangle(x, y, width, height, edge=edge)
        top = y + height / 2 + 5 - 8 * len(lines)
        self.text(x + width / 2, top, title, bold=True, color="strong" if edge == "strong" else "text")
        for number, line in enumerate(lines, 1):
            self.text(x + width / 2, top + 16 * number, line, color="quiet", size=12)

    def arrow(self, path, dashed=False):
        dash = ' stroke-dasharray="4 3"' if dashed else ""
        self.parts.append(
            f'<path d="{path}" fill="none" stroke="{self.colors["line"]}" stroke-width="1.5"{dash} marker-end="url(#tip)"/>'
        )

    def svg(self):
        return "\n".join([*self.parts, "</svg>", ""])


def overview(theme):
    """From the push to the build."""
    draw = Picture(860, 304, "A push goes by one rule and two queues to a bundle in S3 and a build in CodeBuild", theme)
    draw.box(10, 14, 150, 62, "CodeCommit", "a push, any branch")
    draw.arrow("M160 45H212")
    draw.box(214, 14, 150, 62, "EventBridge", "one rule for all")
    draw.arrow("M364 45H416")
    draw.box(418, 14, 150, 62, "intake queue", "as the pushes came")
    draw.arrow("M568 45H620")
    draw.box(622, 14, 228, 62, "pushbuild: intake", "sorts by branch, fetches nothing", edge="strong")

    draw.arrow("M736 76V94Q736 102 728 102H130Q122 102 122 110V122")
    draw.rectangle(10, 124, 236, 116)
    draw.text(128, 143, "push queue, by branch", bold=True)
    for lane, (name, pushes, failing) in enumerate((("main", 3, 0), ("feature/x", 2, 1), ("fix/y", 1, 0))):
        y = 168 + 26 * lane
        draw.text(22, y, name, anchor="start", color="quiet", size=12)
        draw.parts.append(f'<path d="M96 {y - 4}H232" stroke="{draw.colors["edge"]}"/>')
        for push in range(pushes):
            color = "bad" if failing and push == 0 else "good"
            draw.parts.append(f'<circle cx="{222 - 24 * push}" cy="{y - 4}" r="6" fill="{draw.colors[color]}"/>')
    draw.arrow("M246 182H298")
    draw.box(300, 136, 200, 92, "pushbuild: publish", "fetches what changed,", "verifies every byte,", "zips while uploading",
             edge="strong")
    draw.arrow("M500 182H552")
    draw.box(554, 147, 136, 70, "S3", "branch/commit.zip", "exactly the commit")
    draw.arrow("M690 182H728")
    draw.box(730, 147, 120, 70, "CodeBuild", "one build", "per push")

    draw.arrow("M400 228V262Q400 270 392 270H238Q230 270 230 262V242", dashed=True)
    draw.text(315, 290, "failed: back after a while; other branches go on", color="quiet", size=12)
    draw.arrow("M440 228V262Q440 270 448 270H552", dashed=True)
    draw.box(554, 244, 296, 50, "dead-letter queue", "with an alarm, and a reason in the log")
    return draw.svg()


WAYS = (("clone, zip, upload", "clone, zip, upload", "line"), ("no base, after", "pushbuild, first push", "strong"),
        ("a base, after", "pushbuild, a push later", "good"))


def seconds(text):
    """The tables of the benchmark, in order: seconds by way."""
    tables, table = [], None
    for line in text.splitlines():
        if line.startswith("| way | seconds |"):
            table = {}
            tables.append(table)
        elif table is not None and line.startswith("|"):
            way, figure = (cell.strip() for cell in line.split("|")[1:3])
            if found := re.match(r"[\d.]+", figure):
                table[way.replace(", three files changed", "")] = float(found[0])
        else:
            table = None
    return tables


def cost(theme):
    """What a push costs, from docs/performance.md."""
    tables = seconds(PERFORMANCE.read_text(encoding="utf-8"))
    panels = ("5,000 files, 24 MB", "50,000 files, 240 MB", "200 files, 1 GB")
    assert len(tables) == len(panels), "docs/performance.md has other tables than this script knows"
    draw = Picture(860, 158, "Seconds from a push to its stored bundle, for three repositories", theme)
    width = 270
    for panel, (name, table) in enumerate(zip(panels, tables)):
        left = 10 + panel * (width + 15)
        draw.text(left, 16, name, anchor="start", bold=True)
        longest = max(table[way] for way, _, _ in WAYS)
        for row, (way, label, color) in enumerate(WAYS):
            y = 28 + 36 * row
            length = max(2, round(table[way] / longest * (width - 60)))
            draw.text(left, y + 11, label, anchor="start", color="quiet", size=12)
            draw.parts.append(f'<rect x="{left}" y="{y + 16}" width="{length}" height="12" rx="2" '
                              f'fill="{draw.colors[color]}"/>')
            draw.text(left + length + 6, y + 26, f"{table[way]:.2g} s" if table[way] < 10 else f"{table[way]:.0f} s",
                      anchor="start", size=12)
    draw.text(850, 152, "two cores, 20 ms for each call to AWS; the clone without latency", anchor="end", color="quiet", size=11)
    return draw.svg()


def main():
    stale = []
    for name, draw in (("overview", overview), ("cost", cost)):
        for theme in THEMES:
            path, drawn = HERE / f"{name}-{theme}.svg", draw(theme)
            if "--check" not in sys.argv[1:]:
                path.write_text(drawn, encoding="utf-8")
            elif not path.exists() or path.read_text(encoding="utf-8") != drawn:
                stale.append(path.name)
    if stale:
        sys.exit(f"not what docs/pictures/draw.py draws: {', '.join(stale)}")


if __name__ == "__main__":
    main()
