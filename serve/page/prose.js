// An answer's text as nodes: fenced blocks become code, `ticks` and **stars** their elements, and all else stays the
// text it is. Built node by node, so markup in an answer is shown and never parsed.

import { element } from "./dom.js";

const FENCE = /^```.*\n([\s\S]*?)(?:^```[^\S\n]*$|(?![\s\S]))/m; // A fence that is not closed yet runs to the end.
const SPAN = /`([^`\n]+)`|\*\*([^*\n]+)\*\*/;

export function prose(text) {
  return split(text, FENCE, (match) => element("pre", { tabIndex: 0 }, element("code", {}, match[1].trimEnd())), paragraphs);
}

function paragraphs(text) {
  const blocks = text.split(/\n\s*\n/).map((block) => block.trim()).filter(Boolean);
  return blocks.map((block) => element("p", {}, ...split(block, SPAN, span, (plain) => plain)));
}

function span([, code, strong]) {
  return element(code ? "code" : "strong", {}, code ?? strong);
}

function split(text, pattern, special, plain) {
  const nodes = [];
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    nodes.push(plain(text.slice(0, match.index)), special(match));
    text = text.slice(match.index + match[0].length);
  }
  return [...nodes, plain(text)].flat();
}
