// What a page must be like for everybody to be able to use it. Returns what is wrong.
const wrong = [];
const seen = (element) => {
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  return style.visibility !== "hidden" && style.display !== "none" && box.width > 1 && box.height > 1;
};
const name = (element) =>
  (element.getAttribute("aria-label") ||
    (element.labels && element.labels.length && element.labels[0].textContent) ||
    element.textContent || "").trim();
const told = (element) => `${element.nodeName.toLowerCase()}.${element.className} "${name(element).slice(0, 40)}"`;

// Colours.
const parsed = (text) => {
  const numbers = text.match(/-?[\d.]+(e-?\d+)?/g).map(Number);
  if (text.startsWith("color(")) return [numbers[0] * 255, numbers[1] * 255, numbers[2] * 255, numbers[3] ?? 1];
  return [numbers[0], numbers[1], numbers[2], numbers[3] ?? 1];
};
const over = (top, below) => top.slice(0, 3).map((c, i) => c * top[3] + below[i] * (1 - top[3])).concat(1);
const background = (element) => {
  const layers = [];
  for (let at = element; at; at = at.parentElement) layers.push(parsed(getComputedStyle(at).backgroundColor));
  return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
};
const light = (colour) => {
  const [r, g, b] = colour.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const element = texts.currentNode.parentElement;
  if (!texts.currentNode.nodeValue.trim() || !seen(element) || element.closest(".hidden, script, svg, .skip")) continue;
  const ground = background(element);
  const ink = over(parsed(getComputedStyle(element).color), ground);
  const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x);
  const contrast = (a + 0.05) / (b + 0.05);
  if (contrast < 4.5) wrong.push(`contrast ${contrast.toFixed(2)}: ${told(element)}`);
}

// Names, labels, structure.
for (const element of document.querySelectorAll("a, button, input:not([type=hidden]), select, summary")) {
  if (seen(element) && !name(element)) wrong.push(`no name: ${element.outerHTML.slice(0, 120)}`);
}
for (const table of document.querySelectorAll("table")) {
  if (!table.querySelector("thead th[scope=col]")) wrong.push("a table without headings");
  for (const row of table.querySelectorAll("tbody tr")) {
    if (!row.querySelector("th[scope=row]")) wrong.push("a row without a heading");
  }
}
for (const pre of document.querySelectorAll("pre")) {
  if (pre.tabIndex !== 0 || !pre.hasAttribute("role")) wrong.push("a block that cannot be scrolled by keyboard");
}
let level = 0;
for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
  const own = Number(heading.nodeName[1]);
  if (own > level + 1) wrong.push(`a heading of level ${own} after one of level ${level}`);
  level = own;
}
const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
for (const id of ids) if (ids.filter((other) => other === id).length > 1) wrong.push(`id ${id} is there twice`);
for (const element of document.querySelectorAll("[aria-labelledby]")) {
  if (!document.getElementById(element.getAttribute("aria-labelledby"))) wrong.push(`no label for ${told(element)}`);
}
for (const wanted of ["header", "nav", "main", "footer", "h1", "title", "html[lang]", "a.skip[href='#main']"]) {
  if (!document.querySelector(wanted)) wrong.push(`no ${wanted}`);
}
for (const section of document.querySelectorAll("section")) {
  if (!section.getAttribute("aria-labelledby") && !section.matches(".empty")) wrong.push("a section without a name");
}

// Room.
const page = document.scrollingElement;
if (page.scrollWidth > innerWidth) {
  const wide = [...document.querySelectorAll("main *")].filter(
    (element) => element.getBoundingClientRect().right > innerWidth + 1 && !element.closest("pre"));
  wrong.push(`wider than the screen by ${page.scrollWidth - innerWidth}: ${wide.slice(0, 3).map(told)}`);
}
if (innerWidth < 500) {
  for (const element of document.querySelectorAll("nav a, button, input:not([type=hidden])")) {
    if (seen(element) && element.getBoundingClientRect().height < 24) wrong.push(`too small to touch: ${told(element)}`);
  }
}

// Strangers.
for (const { name: loaded } of performance.getEntriesByType("resource")) {
  if (!loaded.startsWith(location.origin)) wrong.push(`loaded from elsewhere: ${loaded}`);
}
return wrong;
