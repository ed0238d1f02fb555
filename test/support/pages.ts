import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')

/** A fenced block of a page. */
export interface Block {
  /** What follows the fence; empty when nothing does. */
  readonly language: string
  readonly text: string
  /** Number of the line after the fence, from 1. */
  readonly line: number
  /** The headings it stands under, outermost first, without their marks. */
  readonly under: readonly string[]
}

/** A page of the repository: its text apart from what stands in its blocks. */
export interface Page {
  /** Relative to the repository. */
  readonly path: string
  readonly blocks: readonly Block[]
  /** Lines outside of blocks, with their numbers. */
  readonly prose: readonly { readonly line: number; readonly text: string }[]
  readonly headings: readonly string[]
}

const FENCE = /^(\s*)```(\S*)\s*$/
const HEADING = /^(#{1,6})\s+(.*?)\s*$/
/** Four spaces after an empty line begin a block without fences. */
const INDENTED = /^ {4}\S/

export function readPage(path: string): Page {
  return parsePage(path, readFileSync(join(ROOT, path), 'utf8'))
}

/** @throws Error when a fence is not closed. */
export function parsePage(path: string, text: string): Page {
  const blocks: Block[] = []
  const prose: { line: number; text: string }[] = []
  const headings: string[] = []
  let under: string[] = []
  let open: { language: string; indent: string; line: number; lines: string[] } | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const [fence, indent = '', language = ''] = FENCE.exec(line) ?? []
    if (open !== undefined) {
      if (fence !== undefined && language === '') {
        blocks.push({ language: open.language, text: `${open.lines.join('\n')}\n`, line: open.line, under })
        open = undefined
      } else open.lines.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line)
      continue
    }
    if (fence !== undefined) {
      open = { language, indent, line: index + 2, lines: [] }
      continue
    }
    const [, marks, title] = HEADING.exec(line) ?? []
    if (marks !== undefined && title !== undefined) {
      headings.push(title)
      under = [...under.slice(0, marks.length - 1), title]
    }
    if (!INDENTED.test(line)) prose.push({ line: index + 1, text: line })
  }
  if (open !== undefined) throw new Error(`${path}: the block of line ${open.line} is not closed`)
  return { path, blocks, prose, headings }
}

/** The one block of this language under this heading. @throws Error unless there is just one. */
export function blockOf(page: Page, heading: string, language: string, nth = 0): Block {
  const found = page.blocks.filter((block) => block.under.includes(heading) && block.language === language)
  const block = found[nth]
  if (block === undefined) throw new Error(`${page.path}: no ${language} block ${nth} under “${heading}”`)
  return block
}

/** Pieces of code in running text. */
export function spansOf({ prose }: Page): { readonly line: number; readonly text: string }[] {
  return prose.flatMap(({ line, text }) =>
    [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => ({ line, text: code.trim() })),
  )
}

/** What links may lead to in a page, as GitHub makes it of its headings. */
export function anchorsOf({ headings }: Page): ReadonlySet<string> {
  const anchors = new Set<string>()
  for (const heading of headings) {
    const slug = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-')
    let anchor = slug
    for (let again = 1; anchors.has(anchor); again++) anchor = `${slug}-${again}`
    anchors.add(anchor)
  }
  return anchors
}
