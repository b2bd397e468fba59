// Drawn here because a machine without an emoji font would show boxes where approvals are counted.
const hand =
  '<path d="M7 13V6a1.3 1.3 0 0 1 2.6 0v5-7a1.3 1.3 0 0 1 2.6 0v7-6a1.3 1.3 0 0 1 2.6 0v6-4a1.3 1.3 0 0 1 2.6 0v7c0 5-2.4 8-6.4 8-3.4 0-4.8-1.8-7.4-6.6-.8-1.5 1.2-2.7 2.2-1.4z" fill="#f4c04a" stroke="#b5832a" stroke-width=".9"/>';
const thumb =
  '<path d="M8 11l3.4-7.4c2 0 2.6 1.6 2.2 3.4L13 9.6h5.6c1.4 0 2 1.2 1.8 2.2l-1.4 7c-.2 1.2-1.2 1.8-2.2 1.8H8z" fill="#f4c04a" stroke="#b5832a" stroke-width=".9"/><rect x="3.4" y="10.4" width="4.4" height="10.8" rx="1.2" fill="#3f7fb5"/>';
const clock =
  '<path d="M6 3h12v2c0 4-4 5-4 7s4 3 4 7v2H6v-2c0-4 4-5 4-7S6 9 6 5z" fill="#dcecf5" stroke="#8a6a3c" stroke-width="1.4"/>';
const disc = (fill) => `<circle cx="12" cy="12" r="9" fill="${fill}"/>`;
const box = (fill, line) => `<rect x="2.5" y="2.5" width="19" height="19" rx="4" fill="${fill}"/>${line}`;
const stroke = (path, colour = "#fff") =>
  `<path d="${path}" fill="none" stroke="${colour}" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"/>`;

const art = {
  "✅": box("#3aa655", stroke("M7 12.5l3.4 3.5L17 8")),
  "❌": stroke("M5 5l14 14M19 5L5 19", "#d8343c"),
  "✋": hand,
  "👍": thumb,
  "👎": `<g transform="rotate(180 12 12)">${thumb}</g>`,
  "⛴": '<path d="M2 14h20l-3 6H5z" fill="#2c6e9e"/><path d="M5 9h14v4H5z" fill="#e9eef2" stroke="#7b8b97" stroke-width=".8"/><path d="M10 4h4v4h-4z" fill="#d8513c"/><path d="M2 21c2-1.4 3-1.4 5 0s3 1.4 5 0 3-1.4 5 0 3 1.4 5 0" fill="none" stroke="#5aa9d6" stroke-width="1.4"/>',
  "⚠": '<path d="M12 3l10 18H2z" fill="#f4c04a" stroke="#b5832a" stroke-width="1" stroke-linejoin="round"/><path d="M12 9v6" stroke="#3b2d0c" stroke-width="2.2" stroke-linecap="round"/><circle cx="12" cy="18" r="1.3" fill="#3b2d0c"/>',
  "🚨": '<path d="M6 18v-6a6 6 0 0 1 12 0v6z" fill="#e0393f"/><rect x="3.5" y="17.5" width="17" height="4" rx="1.4" fill="#59626b"/><path d="M12 1v2M3 5l2 1.6M21 5l-2 1.6" stroke="#f4873a" stroke-width="2" stroke-linecap="round"/>',
  "⌛": `${clock}<path d="M8 19c0-2 4-3 4-5 0 2 4 3 4 5z" fill="#dda24a"/>`,
  "⏳": `${clock}<path d="M8 6h8c-.6 2-4 3-4 5 0-2-3.4-3-4-5z" fill="#dda24a"/>`,
  "🔒": '<path d="M7.5 11V8a4.5 4.5 0 0 1 9 0v3" fill="none" stroke="#8d98a2" stroke-width="2.4"/><rect x="4.5" y="10.5" width="15" height="11" rx="2" fill="#eab13c"/>',
  "🛑": '<path d="M8 2.5h8l5.5 5.5v8L16 21.5H8L2.5 16V8z" fill="#d8343c"/>',
  "⛔": `${disc("#d8343c")}${stroke("M7.5 12h9")}`,
  "🔴": disc("#d8343c"),
  "🟢": disc("#3aa655"),
  "🟡": disc("#efc23f"),
  "🟠": disc("#ee8a33"),
  "🔵": disc("#3c82d0"),
  "⚪": disc("#dfe3e6"),
  "⏸": box("#4f7fb0", stroke("M9.2 8v8M14.8 8v8")),
  "▶": box("#4f7fb0", '<path d="M9 7l8 5-8 5z" fill="#fff"/>'),
  "↩": box("#4f7fb0", stroke("M10 8l-3 3 3 3M7.5 11H14a3 3 0 0 1 0 6h-2")),
  "👀": '<g fill="#fff" stroke="#56606a"><ellipse cx="7.5" cy="12" rx="4.5" ry="7"/><ellipse cx="16.5" cy="12" rx="4.5" ry="7"/></g><circle cx="6.3" cy="13" r="2.2" fill="#33291f"/><circle cx="15.3" cy="13" r="2.2" fill="#33291f"/>',
  "🎉": '<path d="M3 21l5-13 8 8z" fill="#eab13c"/><g fill="none" stroke-width="2" stroke-linecap="round"><path d="M13 9c1-3 3-4 5-4" stroke="#d8343c"/><path d="M16 12c2-1 4-.6 5 .6" stroke="#3c82d0"/><path d="M10 5c.6-1 .4-2 0-3" stroke="#3aa655"/></g>',
  "🙏": '<path d="M12 3c1.4 2 5 9 5 12l-2 6h-3zM12 3c-1.4 2-5 9-5 12l2 6h3z" fill="#f4c04a" stroke="#b5832a" stroke-width=".9"/>',
  "💬": '<path d="M3 5h18v11H11l-5 5v-5H3z" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linejoin="round"/>',
  "👁": '<path d="M2 12c4-7 16-7 20 0-4 7-16 7-20 0z" fill="none" stroke="currentColor" stroke-width="1.7"/><circle cx="12" cy="12" r="3" fill="currentColor"/>',
};

const signs = new RegExp(`(${Object.keys(art).join("|")})\\uFE0F?`, "gu");

function picture(sign) {
  const holder = document.createElement("span");
  holder.className = "emoji";
  holder.setAttribute("role", "img");
  holder.setAttribute("aria-label", sign);
  // Only the constants above get here.
  holder.innerHTML = `<svg viewBox="0 0 24 24" width="1.25em" height="1.25em">${art[sign]}</svg>`;
  return holder;
}

/** Text as nodes, with the signs this page can draw as pictures. Other emoji are left to the reader's fonts. */
export function withPictures(text) {
  return text
    .split(signs)
    .map((part) => (Object.hasOwn(art, part) ? picture(part) : part))
    .filter((part) => part !== "");
}
