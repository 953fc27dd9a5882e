"""Draws dashboards from real answers, for people without a Grafana at hand: one PNG a dashboard, theme and width.

It reads the same JSON as Grafana does (grid, thresholds, mappings, units, overrides, columns) and lays it out as HTML, which
Chromium turns into a picture. It is a contact sheet, not Grafana: enough to see whether a page can be read, and whether colours
and words are right.
"""

import html
import math
import pathlib
import re
import subprocess
import time

CHROMIUM = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1"]
UNIT_PX, GAP_PX, WIDE_PX, PHONE_PX, HEAD_PX = 38, 8, 1600, 400, 52
# Grafana's named colours.
COLOURS = {
    "light-blue": "#8AB8FF", "blue": "#5794F2", "dark-blue": "#1F60C4", "super-light-blue": "#C0D8FF", "orange": "#FF9830",
    "dark-orange": "#FA6400", "dark-red": "#C4162A", "dark-purple": "#8F3BB8", "purple": "#B877D9",
    "light-purple": "#CA95E5", "super-light-purple": "#DEB6F2",
}
# The first of `palette-classic` that are neither good nor bad here.
SERIES = ["#5794F2", "#B877D9", "#73BF69", "#8AB8FF", "#CA95E5", "#F2CC0C", "#1F60C4", "#8F3BB8"]
THEMES = {
    "dark": {"page": "#111217", "panel": "#181b1f", "text": "#ccccdc", "dim": "#8e8e99", "line": "#2c2f36"},
    "light": {"page": "#f4f5f5", "panel": "#ffffff", "text": "#24292e", "dim": "#6a6d73", "line": "#e0e1e3"},
}


def sheets(world, folder: pathlib.Path) -> None:
    """Every dashboard of a world, dark; of the mixed one also light and as narrow as a phone."""
    folder.mkdir(parents=True, exist_ok=True)
    for uid in world.boards:
        looks = [("dark", WIDE_PX)]
        if world.name == "mixed":
            looks += [("light", WIDE_PX), ("dark", PHONE_PX)]
        for theme, width in looks:
            Sheet(world, uid, theme, width).write(folder)


class Sheet:
    """One page."""

    def __init__(self, world, uid: str, theme: str, width: int):
        self.world, self.uid, self.theme, self.width = world, uid, THEMES[theme], width
        self.board = world.boards[uid]
        self.name = f"{world.name}-{uid}-{theme}" + ("-phone" if width == PHONE_PX else "")
        self.cell = (width - 16) / 24

    def colour(self, name: str) -> str:
        return self.theme["text"] if name == "text" else COLOURS.get(name, name)

    def write(self, folder: pathlib.Path) -> None:
        panels, top = [], HEAD_PX
        for panel in self.board["panels"]:
            grid = panel["gridPos"]
            if self.width == PHONE_PX:
                place = (8, top, self.width - 16, grid["h"] * UNIT_PX - GAP_PX)
                top += grid["h"] * UNIT_PX
            else:
                place = (8 + grid["x"] * self.cell, HEAD_PX + grid["y"] * UNIT_PX, grid["w"] * self.cell - GAP_PX,
                         grid["h"] * UNIT_PX - GAP_PX)
                top = max(top, HEAD_PX + (grid["y"] + grid["h"]) * UNIT_PX)
            panels.append(self.panel(panel, *place))
        theme = self.theme
        page = f"""<!doctype html><meta charset=utf-8><style>
            body{{margin:0;background:{theme['page']};color:{theme['text']};font:13px Inter,"Noto Sans","DejaVu Sans",sans-serif;height:{top}px}}
            h1{{font-size:19px;font-weight:500;margin:0;padding:14px 12px}} h1 small{{color:{theme['dim']};font-size:13px;margin-left:14px}}
            .p{{position:absolute;background:{theme['panel']};border:1px solid {theme['line']};border-radius:3px;overflow:hidden;box-sizing:border-box}}
            .t{{padding:6px 10px 2px;font-weight:500;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}} .tiles{{display:flex;position:absolute;inset:0;gap:2px}}
            .tile{{flex:1;display:flex;flex-direction:column;justify-content:center;align-items:center;text-align:center;padding:20px 4px 2px;min-width:0}}
            .tile b{{font-weight:500;line-height:1.1}} .tile i{{font-style:normal;font-size:14px;margin-bottom:2px}} .none{{color:{theme['dim']};text-align:center;padding:26px 14px}}
            table{{border-collapse:collapse;width:100%}} th{{text-align:left;color:#6E9FFF;font-weight:500}} td,th{{padding:4px 10px;border-bottom:1px solid {theme['line']};white-space:nowrap}}
            .legend{{position:absolute;bottom:5px;left:10px;right:6px;color:{theme['dim']};font-size:12px;white-space:nowrap;overflow:hidden}} .legend s{{display:inline-block;width:14px;height:4px;border-radius:2px;margin:0 5px 3px 0}} .legend span{{margin-right:14px}}
            .row{{display:flex;align-items:center;margin:3px 10px;font-size:12px}} .row em{{font-style:normal;width:44%;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}}
            </style><h1>{html.escape(self.board['title'])}<small>{html.escape(self.board['description'])}</small></h1>{''.join(panels)}"""
        source = folder / f"{self.name}.html"
        source.write_text(page)
        subprocess.run([*CHROMIUM, f"--window-size={self.width},{top}", f"--screenshot={folder / self.name}.png",
                        source.absolute().as_uri()], check=True, capture_output=True, timeout=60)
        source.unlink()

    def panel(self, panel: dict, left: float, top: float, width: float, height: float) -> str:
        answers = self.world.answers[self.uid, panel["title"]]
        title = fill(panel["title"])
        if not any(answer.series for answer in answers) and panel["type"] != "stat":
            inside = f"<div class=none>{html.escape(panel['fieldConfig']['defaults']['noValue'])}</div>"
        else:
            draw = {"stat": self.tiles, "state-timeline": self.timeline, "timeseries": self.series, "table": self.table,
                    "bargauge": self.gauges, "heatmap": self.heatmap, "barchart": self.waterfall}[panel["type"]]
            inside = draw(panel, answers, width, height)
        style = f"left:{left:.0f}px;top:{top}px;width:{width:.0f}px;height:{height}px"
        white = "color:#fff;" if panel["type"] == "stat" and panel["options"]["colorMode"] != "none" else ""
        return f"<div class=p style='{style}'>{inside}<div class=t style='{white}position:absolute;top:0;left:0;max-width:95%'>{html.escape(title)}</div></div>"

    def tiles(self, panel: dict, answers: list, width: float, height: float) -> str:
        defaults, options = panel["fieldConfig"]["defaults"], panel["options"]
        plain = options["colorMode"] == "none"
        tiles = []
        for answer, target in zip(answers, panel["targets"]):
            for row in answer.series:
                value = float(row["value"][1])
                word, colour = self.judged(defaults, value)
                name = legend(target, row) if options["textMode"] == "value_and_name" else ""
                tiles.append((name, word or shown(value, defaults), colour))
        if not tiles:
            tiles = [("", defaults["noValue"], defaults["thresholds"]["steps"][0]["color"])]
        each = width / len(tiles)
        drawn = ""
        for name, text, colour in tiles:
            size = max(14, min(height * 0.36, each * 1.5 / max(len(text), 3)))
            ground = "transparent" if plain else self.colour(colour)
            ink = self.theme["text"] if plain else "#fff"
            drawn += (f"<div class=tile style='background:{ground};color:{ink}'><i>{html.escape(name)}</i>"
                      f"<b style='font-size:{size:.0f}px'>{html.escape(text)}</b></div>")
        return f"<div class=tiles>{drawn}</div>"

    def judged(self, field: dict, value: float) -> tuple[str, str]:
        """Word and colour of a value: mappings first, then steps."""
        for mapping in field.get("mappings", []):
            found = mapping["options"].get(f"{value:g}") if mapping["type"] == "value" else None
            if found:
                return found["text"], found["color"]
        colour = "text"
        for step in field.get("thresholds", {}).get("steps", []):
            if step["value"] is None or value >= step["value"]:
                colour = step["color"]
        return "", colour

    def span(self, panel: dict) -> tuple[int, int]:
        from boards.ask import seconds
        return self.world.at - seconds(self.board["time"]["from"]), self.world.at

    def timeline(self, panel: dict, answers: list, width: float, height: float) -> str:
        defaults, (start, end) = panel["fieldConfig"]["defaults"], self.span(panel)
        rows = sorted(answers[0].series, key=lambda row: legend(panel["targets"][0], row))
        label, tall = min(220, width * 0.3), (height - 74) / max(len(rows), 1)
        drawn, scale = [], (width - label - 20) / (end - start)
        for number, row in enumerate(rows):
            y = 30 + number * tall
            drawn.append(f"<text x={label} y={y + tall / 2 + 4} text-anchor=end fill='{self.theme['text']}' font-size=12>"
                         f"{html.escape(clipped(legend(panel['targets'][0], row), label))}</text>")
            points = [(int(at), float(value)) for at, value in row["values"]]
            step = min((b[0] - a[0] for a, b in zip(points, points[1:])), default=60)
            runs = []
            for at, value in points:
                if runs and runs[-1][2] == value and at - runs[-1][1] <= step:
                    runs[-1][1] = at
                else:
                    runs.append([at, at, value])
            for begun, until, value in runs:
                word, colour = self.judged(defaults, value)
                x, wide = label + 10 + (begun - start) * scale, max(1.5, (until + step - begun) * scale)
                drawn.append(f"<rect x={x:.1f} y={y:.1f} width={wide:.1f} height={tall * 0.84:.1f} fill='{self.colour(colour)}' fill-opacity=.85 />")
                if wide > 9 * len(word) and tall > 12:
                    ink = "#fff" if colour in ("dark-red", "dark-purple", "#808080") else "#111"
                    drawn.append(f"<text x={x + 5:.1f} y={y + tall / 2 + 4:.1f} font-size=12 fill='{ink}'>{word}</text>")
        return self.axis(drawn, start, end, label + 10, width, height) + self.words(defaults)

    def words(self, defaults: dict) -> str:
        items = [(each["text"], each["color"]) for each in defaults["mappings"][0]["options"].values()]
        return self.legend(items)

    def legend(self, items: list) -> str:
        spans = "".join(f"<span><s style='background:{self.colour(colour)}'></s>{html.escape(name)}</span>" for name, colour in items)
        return f"<div class=legend>{spans}</div>"

    def axis(self, drawn: list, start: int, end: int, left: float, width: float, height: float) -> str:
        hours = (end - start) / 3600
        every = next(step for step in (900, 1800, 3600, 10800, 14400, 43200, 86400, 172800)
                     if (end - start) / step <= max(4, (width - left) / 90))
        for at in range(math.ceil(start / every) * every, end + 1, every):
            x = left + (at - start) * (width - left - 10) / (end - start)
            text = time.strftime("%H:%M" if hours <= 30 else "%m-%d", time.gmtime(at))
            drawn.append(f"<text x={x:.0f} y={height - 30} font-size=11 text-anchor=middle fill='{self.theme['dim']}'>{text}</text>")
        return f"<svg width={width:.0f} height={height} style='position:absolute;left:0;top:0'>{''.join(drawn)}</svg>"

    def overridden(self, panel: dict, name: str, query: str) -> dict:
        """Properties that overrides set for a series or a column."""
        found = {}
        for each in panel["fieldConfig"]["overrides"]:
            by, what = each["matcher"]["id"], each["matcher"]["options"]
            if (by == "byName" and fill(what) == name or by == "byFrameRefID" and what == query
                    or by == "byRegexp" and re.search(what.strip("/"), name)):
                found |= {each["id"]: each["value"] for each in each["properties"]}
        return found

    def series(self, panel: dict, answers: list, width: float, height: float) -> str:
        defaults, (start, end) = panel["fieldConfig"]["defaults"], self.span(panel)
        custom = defaults["custom"]
        lines = []
        for answer, target in zip(answers, panel["targets"]):
            for row in answer.series:
                name = legend(target, row)
                more = self.overridden(panel, name, target["refId"])
                points = [(int(at), float(value)) for at, value in row["values"]]
                lines.append((name, more, points))
        for number, (name, more, _) in enumerate(lines):
            more.setdefault("colour", more.get("color", {}).get("fixedColor") or SERIES[number % len(SERIES)])
        mode = custom["stacking"]["mode"]
        sums: dict[int, float] = {}
        totals: dict[int, float] = {}
        for _, _, points in lines:
            for at, value in points:
                totals[at] = totals.get(at, 0) + value
        right = [value for _, more, points in lines if more.get("custom.axisPlacement") for _, value in points]
        flat = [value for _, more, points in lines if not more.get("custom.axisPlacement") for _, value in points]
        logarithmic = custom.get("scaleDistribution", {}).get("type") == "log"
        high = {"percent": 1.0, "normal": max(totals.values(), default=1)}.get(mode, max(flat, default=1))
        high = max(high, defaults.get("max", 0)) or 1
        low = min(flat + [0]) if not logarithmic else min(flat) / 2
        left, bottom = 58, 48
        def y_of(value: float, top: float = high) -> float:
            share = (math.log(max(value, low) / low) / math.log(top / low)) if logarithmic else (value - low) / (top - low or 1)
            return height - bottom - share * (height - bottom - 34)
        def x_of(at: float) -> float:
            return left + (at - start) * (width - left - 10) / (end - start)
        drawn = []
        for part in range(5):
            value = low * (high / low) ** (part / 4) if logarithmic else low + (high - low) * part / 4
            text = shown(value, {**defaults, "unit": "percentunit", "decimals": 0} if mode == "percent" else {**defaults, "decimals": defaults["decimals"] if high < 5 else 0})
            drawn.append(f"<line x1={left} x2={width - 10:.0f} y1={y_of(value):.1f} y2={y_of(value):.1f} stroke='{self.theme['line']}' />"
                         f"<text x={left - 6} y={y_of(value) + 4:.1f} font-size=11 text-anchor=end fill='{self.theme['dim']}'>{text}</text>")
        if custom.get("thresholdsStyle"):
            for step in defaults["thresholds"]["steps"][1:]:
                if low <= step["value"] <= high:
                    drawn.append(f"<line x1={left} x2={width - 10:.0f} y1={y_of(step['value']):.1f} y2={y_of(step['value']):.1f} stroke='{self.colour(step['color'])}' stroke-dasharray='6 4' />")
        ordered = sorted({at for _, _, points in lines for at, _ in points})
        step = min((b - a for a, b in zip(ordered, ordered[1:])), default=60)
        for name, more, points in lines:
            colour = self.colour(more["colour"])
            top = max(right + [1e-9]) * 1.2 if more.get("custom.axisPlacement") else high
            if mode != "none":
                edges = []
                for at, value in points:
                    share = value / (totals[at] or 1) if mode == "percent" else value
                    edges.append((at, sums.get(at, 0), sums.get(at, 0) + share))
                    sums[at] = sums.get(at, 0) + share
                if custom["drawStyle"] == "bars":
                    wide = max(1.0, x_of(start + step) - x_of(start) - 0.6)
                    drawn += [f"<rect x={x_of(at) - wide / 2:.1f} y={y_of(b):.1f} width={wide:.1f} height={max(0, y_of(a) - y_of(b)):.1f} fill='{colour}' fill-opacity=.85 />"
                              for at, a, b in edges if b > a and x_of(at) - wide / 2 >= left - 1]
                else:
                    road = [f"{x_of(at):.1f},{y_of(b):.1f}" for at, _, b in edges] + [f"{x_of(at):.1f},{y_of(a):.1f}" for at, a, _ in reversed(edges)]
                    drawn.append(f"<polygon points='{' '.join(road)}' fill='{colour}' fill-opacity=.6 stroke='{colour}' />")
                continue
            dash = "stroke-dasharray='10 6'" if more.get("custom.lineStyle", {}).get("fill") == "dash" else ""
            parts, last = [[]], None
            for at, value in points:
                if last and at - last > step * 1.5:
                    parts.append([])
                parts[-1].append(f"{x_of(at):.1f},{y_of(value, top):.1f}")
                last = at
            drawn += [f"<polyline points='{' '.join(part)}' fill=none stroke='{colour}' stroke-width={more.get('custom.lineWidth', 2)} {dash} />" for part in parts]
        return self.axis(drawn, start, end, left, width, height) + self.legend([(name, more["colour"]) for name, more, _ in lines])

    def table(self, panel: dict, answers: list, width: float, height: float) -> str:
        organize = panel["transformations"][-1]["options"]
        joined = next((each["options"]["byField"] for each in panel["transformations"] if each["id"] == "joinByField"), None)
        rows: dict[tuple, dict] = {}
        for answer, target in zip(answers, panel["targets"]):
            value = f"Value #{target['refId']}" if len(answers) > 1 else "Value"
            for row in answer.series:
                labels = row["metric"]
                key = (labels.get(joined),) if joined else tuple(sorted(labels.items()))
                rows.setdefault(key, {}).update(labels | {value: float(row["value"][1])})
        columns = sorted(organize["indexByName"], key=organize["indexByName"].get)
        listed = list(rows.values())
        for sort in panel["options"].get("sortBy", []):
            source = next(name for name in columns if organize["renameByName"][name] == sort["displayName"])
            listed.sort(key=lambda row: row.get(source, -1e99), reverse=sort["desc"])
        head = "".join(f"<th>{html.escape(organize['renameByName'][name])}</th>" for name in columns)
        # The bars of a column have one scale, as in Grafana.
        most = {name: max((row[name] for row in listed if isinstance(row.get(name), float)), default=0) for name in columns}
        body = "".join("<tr>" + "".join(self.cell_of(panel, organize["renameByName"][name], row.get(name), most[name]) for name in columns)
                       + "</tr>" for row in listed)
        return f"<div style='margin-top:28px;overflow:hidden'><table><tr>{head}</tr>{body}</table></div>"

    def cell_of(self, panel: dict, column: str, value, most: float) -> str:
        if value is None:
            return "<td></td>"
        field = panel["fieldConfig"]["defaults"] | self.overridden(panel, column, "")
        if isinstance(value, str):
            link = "text-decoration:underline" if "links" in field else ""
            return f"<td style='{link}'>{html.escape(value)}</td>"
        word, colour = self.judged(field, value)
        text, kind = word or shown(value, field), field.get("custom.cellOptions", {}).get("type")
        if kind == "color-background":
            return f"<td style='background:{self.colour(colour)};color:#fff'>{text}</td>"
        if kind == "gauge":
            share = 100 * max(0, min(1, value / (field.get("max") or most or 1)))
            bar = f"<span style='display:inline-block;width:{0.8 * share:.0f}px;height:12px;background:{self.colour(colour)};margin-right:8px'></span>"
            return f"<td>{bar}{text}</td>"
        return f"<td style='color:{self.colour(colour) if kind else self.theme['text']}'>{text}</td>"

    def gauges(self, panel: dict, answers: list, width: float, height: float) -> str:
        rows = sorted(((float(row["value"][1]), legend(panel["targets"][0], row)) for row in answers[0].series), reverse=True)
        most = max(value for value, _ in rows) or 1
        drawn = "".join(
            f"<div class=row><em>{html.escape(name)}</em><span style='display:inline-block;height:14px;width:{40 * value / most:.0f}%;background:{SERIES[number % len(SERIES)]};margin-right:8px'></span>"
            f"{shown(value, panel['fieldConfig']['defaults'])}</div>" for number, (value, name) in enumerate(rows))
        return f"<div style='margin-top:30px'>{drawn}</div>"

    def heatmap(self, panel: dict, answers: list, width: float, height: float) -> str:
        start, end = self.span(panel)
        rows = sorted(answers[0].series, key=lambda row: float(row["metric"]["le"].replace("+Inf", "inf")))
        tall, below, drawn, cells = (height - 84) / len(rows), {}, [], []
        for number, row in enumerate(rows):
            y = height - 48 - (number + 1) * tall
            drawn.append(f"<text x=52 y={y + tall / 2 + 4:.1f} font-size=11 text-anchor=end fill='{self.theme['dim']}'>{row['metric']['le']}</text>")
            for at, value in row["values"]:
                amount = float(value) - below.get(at, 0.0)
                below[at] = float(value)
                if amount > 1e-9:
                    cells.append((int(at), y, amount))
        most, scale = max((amount for _, _, amount in cells), default=1), (width - 68) / (end - start)
        step = min((int(b[0]) - int(a[0]) for a, b in zip(rows[0]["values"], rows[0]["values"][1:])), default=60)
        for at, y, amount in cells:
            share = math.sqrt(amount / most)
            colour = f"rgb({int(0 + 253 * share)},{int(34 + 197 * share)},{int(78 - 9 * share)})"
            drawn.append(f"<rect x={58 + (at - start) * scale:.1f} y={y:.1f} width={max(1, step * scale - 1):.1f} height={tall - 1:.1f} fill='{colour}' />")
        return self.axis(drawn, start, end, 58, width, height)

    def waterfall(self, panel: dict, answers: list, width: float, height: float) -> str:
        begins = {row["metric"]["phase"]: float(row["value"][1]) for row in answers[0].series}
        took = {row["metric"]["phase"]: float(row["value"][1]) for row in answers[1].series}
        whole = max(begins[phase] + took[phase] for phase in begins) or 1
        drawn = ""
        for phase in sorted(begins, key=begins.get):
            left, wide = 60 * begins[phase] / whole, max(0.4, 60 * took[phase] / whole)
            drawn += (f"<div class=row style='height:{(height - 60) / len(begins):.0f}px'><em style='width:90px'>{phase}</em><span style='margin-left:{left:.1f}%;width:{wide:.1f}%;"
                      f"height:60%;background:{COLOURS['light-blue']};margin-right:8px'></span>{shown(took[phase], panel['fieldConfig']['defaults'])}</div>")
        return f"<div style='margin-top:32px'>{drawn}</div>"


def fill(text: str) -> str:
    return text.replace("$provider_a", "aws").replace("$provider_b", "gcp")


def legend(target: dict, row: dict) -> str:
    return fill(re.sub(r"\{\{(\w+)\}\}", lambda found: row["metric"].get(found[1], ""), target["legendFormat"])).strip()


def clipped(text: str, width: float) -> str:
    most = int(width / 6.6)
    return text if len(text) <= most else text[:most - 1] + "…"


def shown(value: float, field: dict) -> str:
    """A value in its unit, much as Grafana writes it."""
    unit, decimals = field.get("unit"), field.get("decimals", 0)
    if unit == "percentunit":
        return f"{100 * value:.{decimals}f}%"
    if unit == "s":
        for size, name in ((86400, "days"), (3600, "hours"), (60, "mins")):
            if abs(value) >= size:
                return f"{value / size:.1f} {name}"
        return f"{1000 * value:.0f} ms" if 0 < abs(value) < 1 else f"{value:.{min(decimals, 1)}f} s"
    if unit == "dtdurations":
        for size, name in ((604800, "week"), (86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
            if abs(value) >= size:
                return f"{value / size:.1f} {name}s"
        return f"{value:.0f} s"
    if unit == "bytes":
        return f"{value / 2 ** 20:.1f} MiB"
    return f"{value / 1000:.1f} K" if abs(value) >= 10000 else f"{value:.{decimals}f}"
