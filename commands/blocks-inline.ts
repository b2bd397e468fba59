import type { RichTextElement } from "@slack/types";

/** A piece of a line: plain or styled text, or something that Slack draws by id. */
type Run =
  | { readonly kind: "text"; readonly text: string; readonly bold?: true; readonly code?: true }
  | { readonly kind: "user" | "usergroup" | "channel"; readonly id: string }
  | { readonly kind: "everyone" }
  | { readonly kind: "link"; readonly url: string; readonly label?: string }
  | { readonly kind: "emoji"; readonly sign: string; readonly name: string };

const marks =
  /@link\{(?<target>https?:\/\/[^\s|}]+)\|(?<label>[^}\n]+)\}|(?<everyone>@channel\{\})|@group\{(?<usergroup>[^}\s]*)\}|@\{(?<user>[^}\s]*)\}|#\{(?<channel>[^}\s]*)\}|`(?<code>[^`\n]+)`|(?<![\w*])\*(?<bold>[^\s*](?:[^*\n]*[^\s*])?)\*(?![\w*])|(?<emoji>⛴|✅|❌|⚠|⏳)\u{FE0F}?|(?<url>https?:\/\/[^\s<>|]*[^\s<>|.,;:!?)\]}'"])/gu;

/** Signs that Slack draws as pictures: as characters they depend on the fonts of the device. */
const emoji = new Map([
  ["⛴", "ferry"],
  ["✅", "white_check_mark"],
  ["❌", "x"],
  ["⚠", "warning"],
  ["⏳", "hourglass_flowing_sand"],
]);

const ids = { user: /^[UW][A-Z0-9]+$/, usergroup: /^S[A-Z0-9]+$/, channel: /^[CDG][A-Z0-9]+$/ } as const;

/** At most `max` UTF-16 units, never half a character; a cut ends in "…". */
export function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  const head = text.slice(0, Math.max(0, max - 1));
  return `${/[\uD800-\uDBFF]$/.test(head) ? head.slice(0, -1) : head}…`;
}

function runOf(groups: Record<string, string | undefined>): Run {
  for (const kind of ["user", "usergroup", "channel"] as const) {
    const id = groups[kind];
    if (id === undefined) continue;
    return ids[kind].test(id) ? { kind, id } : { kind: "text", text: id };
  }
  const { code, bold, url, emoji: sign, target, label, everyone } = groups;
  if (target !== undefined && label !== undefined) return { kind: "link", url: target, label };
  if (everyone !== undefined) return { kind: "everyone" };
  if (sign !== undefined) return { kind: "emoji", sign, name: emoji.get(sign) ?? "" };
  if (code !== undefined) return { kind: "text", text: code, code: true };
  if (bold !== undefined) return { kind: "text", text: bold, bold: true };
  return { kind: "link", url: url ?? "" };
}

/** People may be named inside of bold text. */
function runsIn(groups: Record<string, string | undefined>): readonly Run[] {
  const { bold } = groups;
  if (bold === undefined || !/[@#](?:group)?\{/u.test(bold)) return [runOf(groups)];
  return runsOf(bold).map((run) => (run.kind === "text" && !run.code ? { ...run, bold: true } : run));
}

function runsOf(text: string): readonly Run[] {
  const runs: Run[] = [];
  let at = 0;
  for (const match of text.matchAll(marks)) {
    if (match.index > at) runs.push({ kind: "text", text: text.slice(at, match.index) });
    runs.push(...runsIn(match.groups ?? {}));
    at = match.index + match[0].length;
  }
  if (at < text.length) runs.push({ kind: "text", text: text.slice(at) });
  return runs.filter((run) => run.kind !== "text" || run.text !== "");
}

function asElement(run: Run): RichTextElement {
  switch (run.kind) {
    case "user":
      return { type: "user", user_id: run.id };
    case "usergroup":
      return { type: "usergroup", usergroup_id: run.id };
    case "channel":
      return { type: "channel", channel_id: run.id };
    case "everyone":
      return { type: "broadcast", range: "channel" };
    case "link":
      return { type: "link", url: run.url, ...(run.label !== undefined && { text: run.label }) };
    case "emoji":
      return { type: "emoji", name: run.name };
    case "text": {
      const { text, bold, code } = run;
      if (bold) return { type: "text", text, style: { bold } };
      return code ? { type: "text", text, style: { code } } : { type: "text", text };
    }
  }
}

/** Rich text shows everything else literally: a topic called `_a_` stays one, `<!here>` calls nobody. */
export function asRichText(text: string): RichTextElement[] {
  return runsOf(text).map(asElement);
}

/** The three characters that Slack's mrkdwn wants escaped. */
export function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Stray `_`, `~`, `*` would format what follows: an invisible joiner in front keeps them as typed. */
const formatting = /(?<![\p{L}\p{N}])[_~*`](?=\S)/gu;

function plain(text: string): string {
  return escaped(text).replaceAll(formatting, "\u2060$&");
}

function asMarks(run: Run): string {
  switch (run.kind) {
    case "user":
      return `<@${run.id}>`;
    case "usergroup":
      return `<!subteam^${run.id}>`;
    case "channel":
      return `<#${run.id}>`;
    case "everyone":
      return "<!channel>";
    case "link":
      return `<${escaped(run.url)}${run.label === undefined ? "" : `|${escaped(run.label)}`}>`;
    case "emoji":
      return run.sign;
    case "text":
      if (run.code) return `\`${escaped(run.text)}\``;
      return run.bold ? `*${plain(run.text)}*` : plain(run.text);
  }
}

/** For the places where Slack takes no rich text. Longer than `max` (UTF-16 units): cut between two pieces. */
export function asMarkdown(text: string, max: number): string {
  let out = "";
  for (const run of runsOf(text)) {
    const next = out + asMarks(run);
    if (next.length > max - 1) return `${out}${shortened(run, max - 1 - out.length)}…`;
    out = next;
  }
  return out;
}

/** As much of a plain piece as fits after escaping (at most six-fold: `&` is five, with its joiner six). */
function shortened(run: Run, room: number): string {
  if (run.kind !== "text" || run.code || run.bold) return "";
  return plain(cut(run.text, Math.floor(room / 6)).replace(/…$/u, ""));
}
