import { mostTraffic, restOf, totalOf } from "#domain/lag/topic-traffic.ts";
import type { TopicTraffic } from "#domain/ports.ts";
import { bytesRate, rate } from "#domain/wording.ts";

/** Partitions and traffic by topic as SVG: two bars a topic, the largest first. Drawn by hand: it is only bars. */

const width = 900;
const margin = 28;
/** A phone shows it at a third: smaller letters could not be read there. */
const letters = 20;
const rowHeight = 66;
const head = 136;
const foot = 60;
const shownRows = 12;
const ink = { paper: "#1b1f27", text: "#e6e9ef", faint: "#9aa3b4", line: "#333a47" } as const;
const colours = { partitions: "#59c2ff", traffic: "#ffb454" } as const;
/** Where the two columns of bars begin, and how long the longest bar is: its number stands right of it. */
const columns = { partitions: margin, traffic: 388 } as const;
const longest = { partitions: 240, traffic: 300 } as const;

export function trafficSvg(title: string, topics: readonly TopicTraffic[]): string {
  const { shown, rest } = mostTraffic(topics, shownRows);
  const height = head + Math.max(1, shown.length) * rowHeight + (rest.length > 0 ? foot : 20);
  const most = {
    partitions: Math.max(1, ...shown.map(({ partitions }) => partitions)),
    traffic: Math.max(1, ...shown.map(({ bytesPerSecond }) => bytesPerSecond ?? 0)),
  };
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<rect width="${width}" height="${height}" fill="${ink.paper}"/>`,
    ...heading(title, topics),
    ...(shown.length === 0 ? [words("no topic", margin, head + 30, ink.faint)] : []),
    ...shown.flatMap((topic, index) => row(topic, head + index * rowHeight, most)),
    ...(rest.length === 0
      ? []
      : [words(`and ${restOf(rest)}`, margin, head + shown.length * rowHeight + 34, ink.faint)]),
    "</svg>",
  ].join("");
}

function heading(title: string, topics: readonly TopicTraffic[]): readonly string[] {
  return [
    words(clipped(title), margin, 44, ink.text, 26, true),
    words(totalOf(topics), margin, 78, ink.faint),
    words("partitions", columns.partitions, 116, colours.partitions, letters, true),
    words("bytes/s that producers write", columns.traffic, 116, colours.traffic, letters, true),
  ];
}

type Most = { readonly partitions: number; readonly traffic: number };

function row(topic: TopicTraffic, top: number, most: Most): readonly string[] {
  const base = top + 36;
  const long = (topic.partitions / most.partitions) * longest.partitions;
  return [
    `<path d="M${margin} ${top}H${width - margin}" stroke="${ink.line}"/>`,
    words(clipped(topic.name), margin, top + 26, ink.text),
    bar(columns.partitions, base, long, colours.partitions),
    words(String(topic.partitions), columns.partitions + long + 10, base + 17, ink.text),
    ...traffic(topic, base, most.traffic),
  ];
}

/** What is not known is an empty frame with that word, never a bar of no length. */
function traffic(
  { bytesPerSecond, recordsPerSecond }: TopicTraffic,
  top: number,
  most: number,
): readonly string[] {
  const left = columns.traffic;
  if (bytesPerSecond === null) {
    const text =
      recordsPerSecond === null ? "unknown" : `${rate(recordsPerSecond)} records/s of unknown size`;
    const frame = `<rect x="${left}" y="${top - 4}" width="${width - margin - left}" height="26" rx="3" fill="none" stroke="${ink.faint}" stroke-dasharray="6 5"/>`;
    return [frame, words(text, left + 12, top + 16, ink.faint)];
  }
  const long = (bytesPerSecond / most) * longest.traffic;
  return [
    bar(left, top, long, colours.traffic),
    words(bytesRate(bytesPerSecond), left + (long === 0 ? 0 : Math.max(2, long) + 10), top + 17, ink.text),
  ];
}

function bar(left: number, top: number, long: number, colour: string): string {
  if (long === 0) return "";
  return `<rect x="${left}" y="${top}" width="${Math.max(2, long).toFixed(1)}" height="20" rx="3" fill="${colour}"/>`;
}

function words(
  text: string,
  left: number,
  base: number,
  colour: string,
  size: number = letters,
  bold = false,
): string {
  const weight = bold ? ' font-weight="bold"' : "";
  return `<text x="${left.toFixed(1)}" y="${base}" font-family="DejaVu Sans" font-size="${size}"${weight} fill="${colour}">${escaped(text)}</text>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Names differ at their ends as often as at their beginnings. */
function clipped(name: string): string {
  const most = 62;
  return name.length <= most ? name : `${name.slice(0, 36)}…${name.slice(-(most - 37))}`;
}
