// Elements from code. Text goes in as text nodes only, so names can hold anything.

export type Child = Node | string | number | null | undefined | false | Child[];
type Handler = (event: Event) => void;
export type Attributes = Record<string, string | number | boolean | null | undefined | Handler>;

const SVG = "http://www.w3.org/2000/svg";

function fill(element: Element, attributes: Attributes, children: Child[]): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
}

export function append(element: Element, children: Child[]): void {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(element, child);
    else element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** An HTML element; attributes named `on…` are listeners. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  fill(element, attributes, children);
  return element;
}

/** An SVG element. */
export function s(tag: string, attributes: Attributes = {}, ...children: Child[]): SVGElement {
  const element = document.createElementNS(SVG, tag) as SVGElement;
  fill(element, attributes, children);
  return element;
}

/** A name from the database: isolated, so that right-to-left names keep to themselves. */
export function named(text: string, tag: "bdi" | "strong" | "em" = "bdi"): HTMLElement {
  return h(tag, { dir: "auto", class: "name" }, shorten(text, 300));
}

/** Names can be ten thousand characters; a line of text should not. */
export function shorten(text: string, limit: number): string {
  if (text.length <= limit) return text;
  return `${Array.from(text.slice(0, limit)).slice(0, -1).join("")}…`;
}

/**
 * Put something else into an element. A keyboard that was in there stays at the control that means
 * the same, by its `data-own`, or goes to the heading over it.
 */
export function replace(element: Element, ...children: Child[]): void {
  const active = document.activeElement as HTMLElement | null;
  const isInside = active && active !== element && element.contains(active);
  const headings = () => [...element.querySelectorAll<HTMLElement>("h1, h2, h3")];
  const over = isInside ? headings().filter((heading) => isBefore(heading, active)).length : 0;
  element.replaceChildren();
  append(element, children);
  if (!isInside) return;
  const same = active.dataset.own && `[data-own="${CSS.escape(active.dataset.own)}"]`;
  const now = headings();
  const heading =
    now[Math.min(over, now.length) - 1] ?? element.closest("#panel, #page")?.querySelector("h1");
  heading?.setAttribute("tabindex", "-1");
  for (const place of [...(same ? element.querySelectorAll<HTMLElement>(same) : []), heading]) {
    place?.focus({ preventScroll: true });
    if (document.activeElement === place) return; // a closed group lets nothing in
  }
}

const isBefore = (one: Node, other: Node) =>
  Boolean(one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING);

/** A listener to keys, without those with which an input method is given its words. */
export function onKey(act: (event: KeyboardEvent) => void): (event: Event) => void {
  return (event) => {
    const key = event as KeyboardEvent;
    // Safari ends the composition before the key that ends it: there only the code tells
    if (!key.isComposing && key.keyCode !== 229) act(key);
  };
}

/** "1 drink", "3 drinks". */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}
