const AFTER_MS = 200

/** `/` leads to the filter; that of the fleet works while it is written. */
export function createFilter(refresh: () => Promise<void>): void {
  document.addEventListener('keydown', (event) => {
    const { key, ctrlKey, metaKey, altKey, target } = event
    const isWriting = target instanceof Element && target.closest('input, select, textarea, dialog') !== null
    if (key !== '/' || ctrlKey || metaKey || altKey || isWriting) return
    const filter = document.getElementById('filter')
    if (filter === null) return
    event.preventDefault()
    filter.focus()
  })

  let soon: number | undefined
  document.addEventListener('input', ({ target }) => {
    if (!(target instanceof HTMLInputElement) || target.id !== 'filter' || target.name !== 'q') return
    window.clearTimeout(soon)
    soon = window.setTimeout(() => {
      const query = target.value === '' ? '' : `?${new URLSearchParams({ q: target.value })}`
      history.replaceState(null, '', location.pathname + query)
      void refresh()
    }, AFTER_MS)
  })
}
