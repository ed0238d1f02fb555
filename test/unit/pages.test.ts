import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { CATALOGUE } from '../../dashboards/src/catalogue.ts'
import { createProgram } from '../../src/cli/main.ts'
import { parseConfig } from '../../src/config/load.ts'
import { ConfigSchema } from '../../src/config/schema.ts'
import { PROBLEMS } from '../../src/platform/problem.ts'
import { anchorsOf, type Page, parsePage, readPage, spansOf } from '../support/pages.ts'
import { README_BLOCKS } from '../support/readme-blocks.ts'
import { alertFiles } from '../support/rule-files.ts'

const ROOT = join(import.meta.dirname, '../..')
/** Written by the tests for people to read, or brought along by others. */
const NOT_OURS = /^(node_modules|test|dist)(\/|$)|^\./
const PATHS = readdirSync(ROOT)
  .filter((name) => !NOT_OURS.test(name))
  .flatMap((name) =>
    statSync(join(ROOT, name)).isDirectory()
      ? readdirSync(join(ROOT, name), { recursive: true }).map((below) => join(name, String(below)))
      : [name],
  )
  .filter((path) => path.endsWith('.md') && !path.includes('node_modules'))
  .sort()
const PAGES = PATHS.map(readPage)
const CHANGELOG = 'CHANGELOG.md'

/** A place where something is named that must exist. */
type Named = readonly [where: string, what: string]

/** Every match in running text and blocks, `[1]` of it where there is a group. */
function named(pages: readonly Page[], pattern: RegExp): Named[] {
  return pages.flatMap((page) =>
    readFileSync(join(ROOT, page.path), 'utf8')
      .split('\n')
      .flatMap((text, index) =>
        [...text.matchAll(pattern)].map(
          (match): Named => [`${page.path}:${index + 1}`, match[1] ?? match[0]],
        ),
      ),
  )
}

const missing = (all: readonly Named[], exists: (what: string) => boolean): string[] => {
  expect(all.length).toBeGreaterThan(0)
  return all.filter(([, what]) => !exists(what)).map(([where, what]) => `${where} ${what}`)
}

it('reads all pages', () => {
  expect(PATHS).toEqual(expect.arrayContaining(['README.md', 'docs/wiring.md', 'dashboards/README.md']))
})

describe('links', () => {
  const links = PAGES.flatMap((page) =>
    page.prose.flatMap(({ line, text }) =>
      [...text.replaceAll(/`[^`]*`/g, '').matchAll(/\]\(([^()\s]+)\)/g)].map(([, to = '']) => ({
        page,
        line,
        to,
      })),
    ),
  ).filter(({ to }) => !/^[a-z]+:/.test(to))

  it('lead to files that are there', () => {
    const dead = links.filter(({ page, to }) => {
      const [path = ''] = to.split('#')
      return path !== '' && !existsSync(join(ROOT, dirname(page.path), path))
    })
    expect(links.length).toBeGreaterThan(30)
    expect(dead.map(({ page, line, to }) => `${page.path}:${line} ${to}`)).toEqual([])
  })

  it('lead to headings that are there', () => {
    const byPath = new Map(PAGES.map((page) => [page.path, anchorsOf(page)]))
    const dead = links.filter(({ page, to }) => {
      const [path = '', anchor] = to.split('#')
      if (anchor === undefined) return false
      const target = path === '' ? page.path : relative(ROOT, join(ROOT, dirname(page.path), path))
      return !byPath.get(target)?.has(anchor)
    })
    expect(dead.map(({ page, line, to }) => `${page.path}:${line} ${to}`)).toEqual([])
  })

  it('of images lead to pictures that say in words what they show', () => {
    const images = named(PAGES, /!\[([^\]]*)\]\(/g)
    expect(missing(images, (alt) => alt.length > 10)).toEqual([])
  })
})

describe('commands', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object }
  const program = createProgram()
  const commands = new Map(program.commands.map((command) => [command.name(), command]))
  const flagsOf = (command: Command): string[] =>
    [...command.options, ...program.options].flatMap(({ long, short }) =>
      [long, short].filter((flag) => flag != null),
    )

  it('of npm run are scripts of the package', () => {
    const all = named(PAGES, /npm run (?:--silent )?([a-z][a-z0-9:-]*)/g)
    expect(
      missing(all, (name) =>
        Object.keys(scripts).some((known) => (name.endsWith(':') ? known.startsWith(name) : known === name)),
      ),
    ).toEqual([])
  })

  /** The words after `agent-exporter`, up to what the shell or a started command has to say. */
  const lines = PAGES.filter(({ path }) => path !== CHANGELOG).flatMap((page) => {
    const texts = [
      ...spansOf(page),
      ...page.blocks
        .filter(({ language }) => ['sh', 'console'].includes(language))
        .flatMap(({ text, line }) =>
          text
            .replaceAll('\\\n', '  ')
            .split('\n')
            .map((one, index) => ({ line: line + index, text: one })),
        ),
    ]
    return texts.flatMap(({ line, text }) => {
      const [, words] = /(?:^|[\s(;|&])agent-exporter(?=\s|$)([^|;&>#]*)/.exec(text) ?? []
      const first = text.split(' ')[0] ?? ''
      const own = words ?? (commands.has(first) && text.includes(' --') ? text : undefined)
      return own === undefined ? [] : [{ where: `${page.path}:${line}`, words: wordsOf(own) }]
    })
  })

  it('of the program exist, with the flags they are given', () => {
    const wrong = lines.flatMap(({ where, words }) => {
      const [name] = words.filter((word) => !word.startsWith('-'))
      const command = words[0]?.startsWith('-') || name === undefined ? program : commands.get(name)
      if (command === undefined) return [`${where} agent-exporter ${name}`]
      const allowed = new Set([
        ...flagsOf(command),
        '--help',
        ...(command === program ? flagsOf(command) : []),
      ])
      return words
        .filter((word) => word.startsWith('-'))
        .map((word) => word.split('=')[0]!)
        .filter((flag) => !allowed.has(flag))
        .map((flag) => `${where} agent-exporter ${name ?? ''} ${flag}`)
    })
    expect(lines.length).toBeGreaterThan(40)
    expect(wrong).toEqual([])
  })

  it('of the program are all in docs/cli.md', () => {
    const page = readPage('docs/cli.md')
    const told = new Set(spansOf(page).map(({ text }) => text.split(' ')[0]))
    expect([...commands.keys()].filter((name) => !told.has(name))).toEqual([])
  })

  it('of the README are run by a test, each block of them', () => {
    const blocks = readPage('README.md').blocks.filter(({ language }) => language === 'sh')
    const written = blocks.map(({ under, text }) => ({ under: under.at(-1), text }))
    expect(README_BLOCKS.map(({ under, begins }) => [under, begins])).toEqual(
      written.map(({ under, text }) => [under, text.split('\n')[0]]),
    )
    for (const { by } of README_BLOCKS) expect(existsSync(join(ROOT, by)), by).toBe(true)
  })

  it('flags of the daemon that are named alone exist', () => {
    const known = new Set(flagsOf(program))
    // Of Prometheus and Alertmanager.
    const others = /^--(storage|cluster|alertmanager|enable-feature|web\.enable)/
    const all = PAGES.flatMap((page) =>
      spansOf(page).flatMap(({ line, text }) => {
        const [, flag] = /^(--(?:no-)?[a-z]+\.[a-z.-]+)/.exec(text) ?? []
        return flag === undefined || others.test(flag) ? [] : [[`${page.path}:${line}`, flag] as const]
      }),
    )
    expect(missing(all, (flag) => known.has(flag))).toEqual([])
  })
})

describe('configuration', () => {
  const OURS = Object.keys(ConfigSchema.properties)
  /** First keys of files of Prometheus, Alertmanager and their like. */
  const FOREIGN = ['global', 'scrape_configs', 'remote_write', 'route', 'receivers', 'groups', 'services']
  const isForeign = (key: string): boolean => FOREIGN.includes(key)
  /** What receivers get, shown as YAML. */
  const MESSAGES = 'docs/notifications.md'
  const blocks = PAGES.filter(({ path }) => path !== MESSAGES).flatMap((page) =>
    page.blocks
      .filter(({ language }) => language === 'yaml')
      .map(({ line, text }) => ({ where: `${page.path}:${line}`, text })),
  )

  it.each(blocks)('of $where is one that the daemon takes', ({ where, text }) => {
    const keys = Object.keys((parse(text) ?? {}) as object)
    if (keys.length > 0 && keys.every(isForeign)) return
    const variables = [...text.matchAll(/\$\{([A-Z_]+)[^}]*\}/g)].map(([, name = '']) => [name, 'value'])
    expect(() => parseConfig(where, text, Object.fromEntries(variables))).not.toThrow()
  })

  it('keys that are named alone exist', () => {
    const pattern = new RegExp(`^((?:${OURS.join('|')})(?:\\.[A-Za-z]+)+)(?::\\s|$)`)
    const all = PAGES.filter(({ path }) => path !== CHANGELOG).flatMap((page) =>
      spansOf(page).flatMap(({ line, text }) => {
        const [, key] = pattern.exec(text) ?? []
        return key === undefined ? [] : [[`${page.path}:${line}`, key] as const]
      }),
    )
    expect(missing(all, (key) => hasKey(key) || FILE.test(key))).toEqual([])
  })
})

describe('names', () => {
  const current = PAGES.filter(({ path }) => path !== CHANGELOG)

  it('of metrics are in the catalogue', () => {
    const names = Object.entries(CATALOGUE).flatMap(([name, { type }]) =>
      type === 'histogram' ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    )
    const known = new Set(names)
    const all = named(
      current,
      /(?<![A-Za-z0-9_:/.$<-])((?:agent|agents|resource_exhaustion)_[a-z0-9_]+\*?)(?![a-z0-9_:/(]|\.[a-z])/g,
    )
    const exists = (what: string): boolean =>
      /[*_]$/.test(what)
        ? names.some((name) => name.startsWith(what.replace(/\*$/, '')))
        : known.has(what) || NOT_METRICS.has(what)
    expect(missing(all, exists)).toEqual([])
  })

  it('of labels beside a metric are its labels', () => {
    const all = named(current, /`([a-z_]+\{[a-z_, ]+\})`?/g)
    const fits = (what: string): boolean => {
      const [name = '', labels = ''] = what.replace('}', '').split('{')
      const family = (CATALOGUE as Readonly<Record<string, { readonly labels: readonly string[] }>>)[name]
      return family === undefined || labels.split(',').every((label) => family.labels.includes(label.trim()))
    }
    expect(missing(all, fits)).toEqual([])
  })

  it('of error codes are in the table', () => {
    expect(missing(named(current, /\b(AE_[A-Z_]+[A-Z])\b/g), (code) => code in PROBLEMS)).toEqual([])
  })

  it('of alerts are of rules that are shipped', () => {
    const known = new Set(alertFiles.flatMap(({ rules }) => rules.map(({ alert }) => alert)))
    const exists = (what: string): boolean =>
      /[*…]$/.test(what) ? [...known].some((name) => name.startsWith(what.slice(0, -1))) : known.has(what)
    const all = named(current, /\b(Agent[A-Z][a-z]+[A-Za-z]*(?:[*…]|\b))/g)
    expect(missing(all, exists)).toEqual([])
  })

  it('of routes are in the description of the API', () => {
    const { paths } = JSON.parse(readFileSync(join(ROOT, 'docs/openapi.json'), 'utf8')) as { paths: object }
    const known = Object.keys(paths).map((path) => new RegExp(`^${path.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`))
    const all = named(
      current,
      /\b(?:GET|POST|PUT|DELETE) (\/(?:api|-|v1|sd|metrics|health)\b[A-Za-z0-9/{}_|,-]*)/g,
    ).flatMap(([where, path]) => alternatives(path).map((one) => [where, one.replace(/\/$/, '')] as const))
    expect(missing(all, (path) => known.some((pattern) => pattern.test(path)))).toEqual([])
  })
})

it('a page is read as it is written', () => {
  const page = parsePage('p.md', '# A b\n\n`x` and `y`\n\n```sh\n# no heading\nls\n```\n\n## C & d\n')
  expect(page).toMatchObject({
    headings: ['A b', 'C & d'],
    blocks: [{ language: 'sh', text: '# no heading\nls\n', line: 6, under: ['A b'] }],
  })
  expect([...anchorsOf(page)]).toEqual(['a-b', 'c--d'])
  expect(spansOf(page)).toEqual([
    { line: 3, text: 'x' },
    { line: 3, text: 'y' },
  ])
  expect(() => parsePage('p.md', '```sh\n')).toThrow('p.md')
})

/** Files of a control group and of the data directory, which look like keys of the configuration. */
const FILE =
  /^(memory\.(current|max|high|peak|stat|events|pressure|swap\.current)|control\.(token|reserve|spool))$/
/** Fields and tables that look like metrics. */
const NOT_METRICS = new Set([
  'agent_id',
  'agent_type',
  'agent_incarnations',
  'agent_crashes',
  'agent_metrics',
])

function wordsOf(text: string): string[] {
  const words = text
    .replaceAll(/[[\]…]/g, ' ')
    .trim()
    .split(/\s+/)
    .filter(Boolean)
  const end = words.indexOf('--')
  return end === -1 ? words : words.slice(0, end)
}

/** `{pause|resume}` and `{metrics,crash}` stand for several; `{id}` for anything. */
function alternatives(path: string): string[] {
  const plain = path.replaceAll(/\{[A-Za-z]+\}/g, 'x')
  const [all, inner = ''] = /\{([^{}]*)\}/.exec(plain) ?? []
  if (all === undefined) return [plain]
  return inner.split(/[|,]/).flatMap((one) => alternatives(plain.replace(all, one)))
}

function hasKey(path: string): boolean {
  let node: unknown = ConfigSchema
  for (const key of path.split('.')) {
    const properties = (node as { readonly properties?: Readonly<Record<string, unknown>> }).properties
    // A record takes any key.
    if (properties === undefined) return true
    if (!Object.hasOwn(properties, key)) return false
    node = properties[key]
  }
  return true
}
