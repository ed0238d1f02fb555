import type { Family } from '../src/platform/exposition/family.ts'

/** The text of dashboards/src/catalogue.ts: every family with its type and labels, as constants that types can be made of. */
export function renderCatalogue(families: readonly Family[]): string {
  const byName = new Map(families.map((family) => [family.name, family]))
  const entries = [...byName.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(
      ({ name, type, labels }) =>
        `  ${name}: { type: '${type}', labels: [${labels.map(quoted).join(', ')}] },`,
    )
  return `// Written by \`npm run docs\` from the declarations in the code: what boards may ask for.
export const CATALOGUE = {
${entries.join('\n')}
} as const
`
}

function quoted(label: string): string {
  return `'${label}'`
}
