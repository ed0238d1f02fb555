/** Samples of an exposition by their identity: name and label text exactly as printed. Comments are left out. */
export function samplesOf(exposition: string): ReadonlyMap<string, number> {
  const samples = new Map<string, number>()
  for (const line of exposition.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const cut = line.lastIndexOf(' ')
    const key = line.slice(0, cut)
    if (samples.has(key)) throw new Error(`exposed twice: ${key}`)
    samples.set(key, numberOf(line.slice(cut + 1)))
  }
  return samples
}

/** Names of the families of an exposition, as its TYPE lines give them. */
export function familiesOf(exposition: string): readonly string[] {
  return [...exposition.matchAll(/^# TYPE (\S+) /gm)].map((match) => match[1] ?? '')
}

function numberOf(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY
  if (text === '-Inf') return Number.NEGATIVE_INFINITY
  return Number(text)
}
