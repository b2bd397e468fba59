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

const width = 900;
/** Of each pane: of its words, of its drawing, and how high that is. */
const panes = {
  behind: { words: 58, top: 104, height: 170 },
  records: { words: 314, top: 360, height: 140 },
  bytes: { words: 540, top: 586, height: 140 },
} as const;
/** Below the last pane: its times. */
const foot = 60;
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
      bytes: {
        arriving: mean(part.map(({ bytes }) => bytes?.arriving ?? null)),
        copying: mean(part.map(({ bytes }) => bytes?.copying ?? null)),
      },
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
  const withBytes = points.some(({ bytes }) => (bytes?.arriving ?? bytes?.copying ?? null) !== null);
  const last = withBytes ? panes.bytes : panes.records;
  const height = last.top + last.height + foot;
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
  chart.setOption(lagOption(title, points, { timeZone, withBytes }));
  const drawing = chart.renderToSVGString();
  chart.dispose();
  return drawing.replaceAll(shorthand, "font-weight:$1;font-size:$2;font-family:$3");
}

/** echarts writes the CSS shorthand, which resvg does not read. */
const shorthand = /font: normal (\w+) (\d+px) ([^";]+)/g;

type Pair = [number, number | null];

/**
 * Panes over one time: what is left, and what comes and goes, in records and where it is known in bytes. A gap in a line is
 * a time that is not known.
 */
function lagOption(
  title: string,
  points: readonly LagPoint[],
  { timeZone, withBytes }: { readonly timeZone: string; readonly withBytes: boolean },
) {
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone, hour: "2-digit", minute: "2-digit" });
  const { behind, records, bytes } = panes;
  const shown = withBytes ? [behind, records, bytes] : [behind, records];
  return {
    animation: false,
    backgroundColor: ink.paper,
    textStyle: { fontFamily: "DejaVu Sans", fontSize: letters, color: ink.text },
    title: [
      words(title, 24, 16, ink.text, 26),
      words("records behind", 24, behind.words, colours.behind),
      ...legend("records/s", records.words),
      ...(withBytes ? legend("MB/s", bytes.words) : []),
    ],
    grid: shown.map(({ top, height }) => ({ left: 92, right: 32, top, height })),
    xAxis: shown.map((_, pane) => timeAxis(pane, pane === shown.length - 1, clock)),
    yAxis: shown.map((_, pane) => valueAxis(pane, pane === 2 ? 0 : 1)),
    series: lines(points, withBytes),
  };
}

function lines(points: readonly LagPoint[], withBytes: boolean) {
  const { behind, arriving, copying } = colours;
  const line = (pane: number, color: string, value: (point: LagPoint) => number | null | undefined) =>
    series(
      pane,
      color,
      points.map((point) => [point.at, value(point) ?? null]),
    );
  return [
    { ...line(0, behind, (point) => point.behind), areaStyle: { color: behind, opacity: 0.22 } },
    line(1, arriving, (point) => point.arriving),
    line(1, copying, (point) => point.copying),
    ...(withBytes
      ? [
          line(2, arriving, ({ bytes }) => megabytes(bytes?.arriving)),
          line(2, copying, ({ bytes }) => megabytes(bytes?.copying)),
        ]
      : []),
  ];
}

function megabytes(rate: number | null | undefined): number | null {
  return rate === null || rate === undefined ? null : rate / 1e6;
}

function legend(unit: string, top: number) {
  return [
    words(unit, 24, top, ink.faint),
    words("arriving", 156, top, colours.arriving),
    words("copied", 286, top, colours.copying),
  ];
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

/** `least`: between two marks; records are whole. */
function valueAxis(gridIndex: number, least: number) {
  return {
    type: "value",
    gridIndex,
    min: 0,
    splitNumber: 3,
    minInterval: least,
    axisLabel: { color: ink.faint, fontSize: letters, formatter: short },
    splitLine: { lineStyle: { color: ink.line } },
  };
}

function series(axis: number, color: string, data: Pair[]) {
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
  };
}

function short(value: number): string {
  return new Intl.NumberFormat("en-US", {
    notation: "compact",
    maximumFractionDigits: value < 0.1 ? 3 : 1,
  }).format(value);
}
