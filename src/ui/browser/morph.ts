/**
 * Makes `old` like `fresh` with as few changes as possible: nodes that are still there stay the same nodes, so that
 * focus, selection and scrolling stay, too. Elements with an id are found again by it, others by their place.
 */
export function morph(old: Element, fresh: Element): void {
  // Text where scripts run, elements where they do not: never alike, and never shown here.
  if (old.tagName === 'NOSCRIPT') return
  syncAttributes(old, fresh)
  syncChildren(old, fresh)
}

function syncAttributes(old: Element, fresh: Element): void {
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name)
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value)
  }
}

function syncChildren(old: Element, fresh: Element): void {
  const wanted = new Set([...fresh.children].map(({ id }) => id))
  const byId = new Map([...old.children].filter(({ id }) => id !== '').map((child) => [child.id, child]))
  let at: ChildNode | null = old.firstChild
  for (const next of [...fresh.childNodes]) {
    const known = next instanceof Element && next.id !== '' ? byId.get(next.id) : undefined
    // What is nowhere in the new one goes first, or everything after it would move.
    while (at instanceof Element && at !== known && at.id !== '' && !wanted.has(at.id)) at = without(at)
    const same: ChildNode | null | undefined = known ?? (isAlike(at, next) ? at : undefined)
    if (same === undefined || same === null) {
      old.insertBefore(document.importNode(next, true), at)
      continue
    }
    if (same === at) at = at.nextSibling
    else place(old, same, at)
    if (same instanceof Element && next instanceof Element) morph(same, next)
    else if (same.nodeValue !== next.nodeValue) same.nodeValue = next.nodeValue
  }
  while (at !== null) at = without(at)
}

/** May stand for the other without having been it: same kind, and no id that says who it is. */
function isAlike(node: ChildNode | null, next: ChildNode): boolean {
  if (node === null || node.nodeType !== next.nodeType) return false
  if (!(node instanceof Element && next instanceof Element)) return true
  return node.tagName === next.tagName && node.id === '' && next.id === ''
}

/** Moves it there; where the browser can, without taking it out, which would cost it its focus. */
function place(parent: Element, node: ChildNode, at: ChildNode | null): void {
  if ('moveBefore' in parent) parent.moveBefore(node, at)
  else (parent as Element).insertBefore(node, at)
}

function without(node: ChildNode): ChildNode | null {
  const next = node.nextSibling
  node.remove()
  return next
}
