import { h } from "./dom.js";
import { inputElement, interactiveElement } from "./elements.js";
import { markdown } from "./markdown.js";
import { textNodes } from "./mrkdwn.js";
import { richText } from "./rich-text.js";

/** Draws blocks. `act(action)` is called when a person uses an element. */
export function drawBlocks(blocks, context) {
  return blocks.map((block) =>
    h("div", { class: `block ${block.type}` }, (drawers[block.type] ?? unknown)(block, context)),
  );
}

function unknown(block) {
  return h("em", {}, `block of type ${block.type}`);
}

const drawers = {
  header: (block, context) => h("h3", {}, textNodes(block.text, context)),
  divider: () => h("hr"),
  section: drawSection,
  context: (block, context) =>
    block.elements.map((one) =>
      one.type === "image" ? picture(one, "small") : h("span", { class: "text" }, textNodes(one, context)),
    ),
  actions: (block, context) => block.elements.map((one) => interactiveElement(one, block.block_id, context)),
  image: (block, context) => [
    block.title && h("div", { class: "caption" }, textNodes(block.title, context)),
    picture(block, "large"),
  ],
  input: (block, context) => [
    h(
      "label",
      { for: block.block_id },
      block.label.text,
      block.optional ? h("small", {}, " (optional)") : null,
    ),
    inputElement(block.element, block.block_id, context),
    block.hint && h("small", {}, block.hint.text),
    h("small", { class: "wrong", "data-error": block.block_id }),
  ],
  markdown: (block) => markdown(block.text),
  rich_text: (block, context) => richText(block, context.names),
  table: (block, context) =>
    h("div", { class: "scroll" }, drawTable(block.rows, block.column_settings ?? [], context)),
  data_table: drawDataTable,
};

function drawSection(block, context) {
  const fields = block.fields?.map((field) => h("div", { class: "text" }, textNodes(field, context)));
  return [
    h(
      "div",
      { class: "body" },
      block.text && h("div", { class: "text" }, textNodes(block.text, context)),
      fields && h("div", { class: "fields" }, fields),
    ),
    block.accessory &&
      h(
        "div",
        { class: "accessory" },
        block.accessory.type === "image"
          ? picture(block.accessory, "square")
          : interactiveElement(block.accessory, block.block_id, context),
      ),
  ];
}

function picture(image, size) {
  const file = image.slack_file?.id ?? /\/files\/(F[0-9A-Z]+)/.exec(image.slack_file?.url ?? "")?.[1];
  const source = file ? `/_page/${file}` : image.image_url;
  const shown = h("img", { src: source, alt: image.alt_text, class: size, loading: "lazy" });
  return size === "large" ? h("a", { href: source, target: "_blank" }, shown) : shown;
}

function cellNodes(cell, context) {
  if (cell.type === "rich_text") return richText(cell, context.names);
  return cell.type === "raw_number" ? (cell.text ?? cell.value.toLocaleString("en-US")) : cell.text;
}

function drawTable(rows, columns, context) {
  const row = (cells, tag) =>
    h(
      "tr",
      {},
      cells.map((cell, n) => h(tag, { style: columnStyle(columns[n], cell) }, cellNodes(cell, context))),
    );
  return h(
    "table",
    {},
    h("thead", {}, row(rows[0], "th")),
    h(
      "tbody",
      {},
      rows.slice(1).map((cells) => row(cells, "td")),
    ),
  );
}

function columnStyle(column, cell) {
  const align = column?.align ?? (cell.type === "raw_number" ? "right" : "left");
  return `text-align:${align};white-space:${column?.is_wrapped ? "normal" : "nowrap"}`;
}

function drawDataTable(block, context) {
  const [head, ...rows] = block.rows;
  const size = block.page_size ?? 5;
  const numbers = head.map((_cell, n) =>
    rows.every((row) => row[n]?.type === "raw_number") ? { align: "right" } : null,
  );
  const place = h("div", { class: "scroll" });
  const label = h("span");
  let page = 0;
  const turn = (step) => {
    page += step;
    const from = page * size;
    place.replaceChildren(drawTable([head, ...rows.slice(from, from + size)], numbers, context));
    label.textContent = `${from + 1}–${Math.min(from + size, rows.length)} of ${rows.length}`;
    back.disabled = page === 0;
    next.disabled = from + size >= rows.length;
  };
  const back = h("button", { type: "button", onclick: () => turn(-1) }, "‹");
  const next = h("button", { type: "button", onclick: () => turn(1) }, "›");
  turn(0);
  return [
    h("div", { class: "caption" }, block.caption),
    place,
    rows.length > size && h("div", { class: "pager" }, back, label, next),
  ];
}
