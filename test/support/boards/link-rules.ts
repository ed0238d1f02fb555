import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { textsOf } from './boards.ts'
import type { BoardRule } from './finding.ts'

const HEADINGS = new Set(
  [
    ...readFileSync(join(import.meta.dirname, '../../../docs/runbooks.md'), 'utf8').matchAll(/^## (\w+)$/gm),
  ].map(([, heading]) => heading!.toLowerCase()),
)

/** The pages that the exporter serves to people, as its routes are written. */
export const PAGES = ['/ui/', '/ui/agents/{id}', '/ui/actions', '/ui/crashes'] as const

/** Whether links to the control page lead to pages that there are. */
function faultsOfPage(url: string): string[] {
  return [...url.matchAll(/\/ui(?:\/(?:\$\{[^}]*\}|[\w/-])*)?/g)].flatMap(([path]) => {
    const page = path.replace(/\$\{[^}]*\}/g, '{id}')
    return (PAGES as readonly string[]).includes(page) ? [] : [`no page ${page}`]
  })
}

/** Whether a path such as `/d/<uid>?var-agent=…` leads to one of these boards, with variables it has. */
export function faultsOfLink(url: string, boards: readonly Dashboard[]): string[] {
  const uid = /\/d\/([\w-]+)/.exec(url)?.[1]
  const board = boards.find((one) => one.uid === uid)
  if (uid === undefined) return []
  if (board === undefined) return [`no board ${uid}`]
  const names = (board.templating.list ?? []).map(({ name }) => name)
  return [...url.matchAll(/[?&]var-(\w+)=/g)].flatMap(([, name]) =>
    names.includes(name!) ? [] : [`${uid} has no $${name}`],
  )
}

/** No link leads nowhere. */
export function linkRules(boards: readonly Dashboard[]): readonly BoardRule[] {
  return [
    {
      name: 'links-to-boards',
      check: (board) => textsOf(board).flatMap((text) => faultsOfLink(text, boards)),
    },
    {
      name: 'links-to-runbooks',
      check: (board) =>
        textsOf(board).flatMap((text) =>
          [...text.matchAll(/docs\/runbooks\.md#(\w+)/g)].flatMap(([, anchor]) =>
            HEADINGS.has(anchor!) ? [] : [anchor!],
          ),
        ),
    },
    {
      name: 'links-to-pages',
      check: (board) => textsOf(board).flatMap(faultsOfPage),
    },
    {
      name: 'links-with-the-source',
      check: (board) => {
        const names = (board.templating.list ?? []).map(({ name }) => name)
        return textsOf(board)
          .filter((text) => text.startsWith('/d/'))
          .flatMap((text) => {
            const [, source] = /\$\{(\w+):queryparam\}/.exec(text) ?? []
            const isBare = text.indexOf('?') === -1
            return isBare || names.includes(source ?? '') ? [] : [`the data source is lost: ${text}`]
          })
      },
    },
  ]
}
