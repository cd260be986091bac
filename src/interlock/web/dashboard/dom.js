// Elements are made here and nowhere else. Whatever text goes in stays text: names of containers are hostile.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element. `props` are attributes, but for `class`, `text` and `on` (event -> listener); null leaves one out.
 * Children are elements or texts; null is nobody.
 */
export function h(name, props = {}, ...children) {
  return filled(document.createElement(name), props, children);
}

/** The same in SVG. */
export function s(name, props = {}, ...children) {
  return filled(document.createElementNS(SVG, name), props, children);
}

/** Show this text; the document is touched only where it differs. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Set an attribute, or take it away with null; the document is touched only where it differs. */
export function mark(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** Exactly these children, in this order; those that stay are not moved without need, and the focus stays. */
export function arrange(parent, children) {
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  let next = parent.firstChild;
  for (const child of children) {
    if (child === next) next = next.nextSibling;
    else parent.insertBefore(child, next);
  }
  while (next !== null) {
    const gone = next;
    next = next.nextSibling;
    gone.remove();
  }
  if (focused !== null && focused !== document.activeElement && parent.contains(focused)) {
    focused.focus({ preventScroll: true });
  }
}

function filled(element, { class: classes = null, text = null, on = {}, ...attributes }, children) {
  if (classes !== null) element.setAttribute("class", classes);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  if (text !== null) element.textContent = text;
  element.append(...children.filter((child) => child !== null));
  return element;
}
