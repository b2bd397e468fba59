import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { renderAsync } from "@resvg/resvg-js";
import { LineChart } from "echarts/charts";
import { GridComponent, TitleComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import type { Charts, LagPoint } from "#domain/ports.ts";
import { trafficSvg } from "./traffic-chart.ts";

/** Charts as PNG, drawn without a browser and without the machine's fonts: the same picture everywhere. */

use([LineChart, GridComponent, TitleComponent, SVGRenderer]);

const size = { width: 900, height: 560 } as const;
/** Phones show it at a third: two pixels for each, and letters of 20. */
const zoom = 2;
const letters = 20;
const ink = { paper: "#1b1f27", text: "#e6e9ef", faint: "#8b93a3", line: "#333a47" } as const;
const colours = { behind: "#ffb454", arriving: "#59c2ff", copying: "#7fd962" } as const;

const { resolve } = createRequire(import.meta.url);
const fontFiles = ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"].map((file) =>
  resolve(`dejavu-fonts-ttf/ttf/${file}`),
);

export function createCharts(timeZone: string): Charts {
  // Fails at the start and not at the first digest.
  for (const file of fontFiles) readFileSync(file);
  return {
    lag: (title, points) => png(svg(title, thinned(points), timeZone)),
    traffic: (title, topics) => png(trafficSvg(title, topics)),
  };
}

/** More points than this are closer together than the pixels of a phone. */
const mostPoints = 480;

/**
 * Means over equal spans of time, the newest point as it is. Nothing is drawn over a span in which more was unknown than
 * known.
 */
function thinned(points: readonly LagPoint[]): readonly LagPoint[] {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || points.length <= mostPoints) return points;
  const span = (last.at - first.at) / (mostPoints - 1);
  const parts = Map.groupBy(points.slice(0, -1), ({ at }) => Math.floor((at - first.at) / span));
  const means = [...parts.values()].map(
    (part): LagPoint => ({
      at: mean(part.map(({ at }) => at)) ?? first.at,
      behind: mean(part.map(({ behind }) => behind)),
      arriving: mean(part.map(({ arriving }) => arriving)),
      copying: mean(part.map(({ copying }) => copying)),
    }),
  );
  return [...means, last];
}

function mean(values: ReadonlyArray<number | null>): number | null {
  const known = values.filter((value) => value !== null);
  if (known.length * 2 < values.length || known.length === 0) return null;
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** On a thread of its own: a picture takes longer than Slack's commands may wait behind it. */
async function png(drawing: string): Promise<Buffer> {
  const font = { loadSystemFonts: false, fontFiles, defaultFontFamily: "DejaVu Sans" };
  const fitTo = { mode: "zoom", value: zoom } as const;
  return (await renderAsync(drawing, { font, fitTo, background: ink.paper })).asPng();
}

function svg(title: string, points: readonly LagPoint[], timeZone: string): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, ...size });
  chart.setOption(lagOption(title, points, timeZone));
  const drawing = chart.renderToSVGString();
  chart.dispose();
  return drawing.replaceAll(shorthand, "font-weight:$1;font-size:$2;font-family:$3");
}

/** echarts writes the CSS shorthand, which resvg does not read. */
const shorthand = /font: normal (\w+) (\d+px) ([^";]+)/g;

type Pair = [number, number | null];

/** Two panes over one time: what is left, and what comes and goes. A gap in a line is a time that is not known. */
function lagOption(title: string, points: readonly LagPoint[], timeZone: string) {
  const line = (value: (point: LagPoint) => number | null): Pair[] =>
    points.map((point) => [point.at, value(point)]);
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone, hour: "2-digit", minute: "2-digit" });
  return {
    animation: false,
    backgroundColor: ink.paper,
    textStyle: { fontFamily: "DejaVu Sans", fontSize: letters, color: ink.text },
    title: [
      words(title, 24, 16, ink.text, 26),
      words("records behind", 24, 58, colours.behind),
      words("records/s", 24, 314, ink.faint),
      words("arriving", 156, 314, colours.arriving),
      words("copied", 286, 314, colours.copying),
    ],
    grid: [
      { left: 92, right: 32, top: 104, height: 170 },
      { left: 92, right: 32, top: 360, height: 140 },
    ],
    xAxis: [timeAxis(0, false, clock), timeAxis(1, true, clock)],
    yAxis: [valueAxis(0), valueAxis(1)],
    series: [
      series(
        0,
        colours.behind,
        line(({ behind }) => behind),
        true,
      ),
      series(
        1,
        colours.arriving,
        line(({ arriving }) => arriving),
        false,
      ),
      series(
        1,
        colours.copying,
        line(({ copying }) => copying),
        false,
      ),
    ],
  };
}

/** Placed by hand: echarts measures text with other fonts than the ones it is drawn with. */
function words(text: string, left: number, top: number, color: string, fontSize = letters) {
  return { text, left, top, textStyle: { fontFamily: "DejaVu Sans", fontSize, fontWeight: "bold", color } };
}

function timeAxis(gridIndex: number, labelled: boolean, clock: Intl.DateTimeFormat) {
  return {
    type: "time",
    gridIndex,
    splitNumber: 4,
    minInterval: 60_000,
    axisLine: { lineStyle: { color: ink.line } },
    axisTick: { show: false },
    splitLine: { show: false },
    axisLabel: {
      show: labelled,
      color: ink.faint,
      fontSize: letters,
      margin: 14,
      hideOverlap: true,
      formatter: (at: number) => clock.format(at),
    },
  };
}

function valueAxis(gridIndex: number) {
  return {
    type: "value",
    gridIndex,
    min: 0,
    splitNumber: 3,
    minInterval: 1,
    axisLabel: { color: ink.faint, fontSize: letters, formatter: short },
    splitLine: { lineStyle: { color: ink.line } },
  };
}

function series(axis: number, color: string, data: Pair[], filled: boolean) {
  return {
    type: "line",
    xAxisIndex: axis,
    yAxisIndex: axis,
    data,
    // A point between two unknown ones has no line to lie on.
    showSymbol: data.length < 3,
    symbolSize: 8,
    connectNulls: false,
    lineStyle: { width: 3, color },
    itemStyle: { color },
    ...(filled ? { areaStyle: { color, opacity: 0.22 } } : {}),
  };
}

function short(value: number): string {
  return new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 }).format(value);
}
