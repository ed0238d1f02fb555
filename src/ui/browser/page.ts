/** The element of this id and kind, which every page has. @throws Error when it has not */
export function byId<Kind extends Element>(id: string, kind: abstract new () => Kind): Kind {
  const found = document.getElementById(id)
  if (found instanceof kind) return found
  throw new Error(`the page has no #${id}`)
}

/** Shows the text, or hides the element when there is none. */
export function say(element: HTMLElement, text: string | undefined): void {
  element.hidden = text === undefined
  if (element.textContent !== (text ?? '')) element.textContent = text ?? ''
}
