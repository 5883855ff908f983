// Elements from plain values: a tag, its properties and its children go in, a node comes out. Children that are no
// nodes become text, so nothing that a model wrote is ever read as markup.

export function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

// Writes only what differs: a live region that is written anew is read out anew.
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
  node.hidden = !text;
}

export function lines(text) {
  return text.split("\n").map((line) => line.trim()).filter(Boolean);
}
