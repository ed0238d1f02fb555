import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { filesOf, oneRuleFile, PARTS, prometheusFiles } from '../../../src/rules/bundle.ts'
import { RULE_DEFAULTS } from '../../../src/rules/parameters.ts'
import { readShipped } from '../../../src/rules/shipped.ts'
import { alertFiles, recordingFiles } from '../../support/rule-files.ts'

const ROOT = join(import.meta.dirname, '../../..')
const shipped = readShipped()
const everything = prometheusFiles(shipped, PARTS, RULE_DEFAULTS)

describe('rules as files of Prometheus', () => {
  it('are letter by letter those of the repository', () => {
    for (const [path, text] of everything) {
      const shippedAs = path.replace(/^recording\//, 'prometheus/').replace(/^alertmanager\//, 'alerts/')
      expect(text, path).toBe(readFileSync(join(ROOT, shippedAs), 'utf8'))
    }
    expect([...everything.keys()]).toEqual([
      ...alertFiles.map(({ room }) => `alerts/${room}.rules.yml`),
      ...recordingFiles.map(({ room }) => `recording/${room}.rules.yml`),
      'alertmanager/alertmanager.yml',
      'alertmanager/templates/agent-exporter.tmpl',
    ])
  })

  it('come with the templates that the configuration of Alertmanager names', () => {
    const { templates } = parse(everything.get('alertmanager/alertmanager.yml')!) as { templates: string[] }
    expect(templates).toEqual(['templates/*.tmpl'])
  })

  it.each(PARTS)('are only %s when only those are wanted', (part) => {
    for (const path of prometheusFiles(shipped, [part], RULE_DEFAULTS).keys())
      expect(path).toMatch(`${part}/`)
  })
})

describe('rules as one file', () => {
  it('have all groups, as they are', () => {
    const { groups } = parse(oneRuleFile(shipped, PARTS, RULE_DEFAULTS)) as { groups: object[] }
    expect(groups).toEqual(
      [...alertFiles, ...recordingFiles].flatMap((file): readonly object[] => file.groups),
    )
  })

  it('keep what the files say about themselves', () => {
    const text = oneRuleFile(shipped, PARTS, RULE_DEFAULTS)
    const comments = [...alertFiles, ...recordingFiles].flatMap((file) => file.text.match(/# \S.*/g) ?? [])
    for (const comment of comments) expect(text).toContain(comment)
  })
})

describe('rules as a mixin', () => {
  it('say the parameters in one file only', () => {
    const elsewhere = { ...RULE_DEFAULTS, selector: 'job="fleet"', intervalMs: 60_000 }
    const [here, there] = [RULE_DEFAULTS, elsewhere].map((parameters) =>
      filesOf('mixin', shipped, PARTS, parameters),
    )
    const differing = [...here!].filter(([path, text]) => there!.get(path) !== text).map(([path]) => path)
    expect(differing).toEqual(['config.libsonnet'])
  })
})

describe('what is delivered', () => {
  it.each(['alerts', 'prometheus'])('has the folder %s in the package and in the image', (folder) => {
    const { files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { files: string[] }
    expect(files).toContain(folder)
    expect(readFileSync(join(ROOT, 'Dockerfile'), 'utf8')).toContain(`\nCOPY ${folder} ${folder}\n`)
    expect(readFileSync(join(ROOT, '.dockerignore'), 'utf8')).toContain(`\n!${folder}\n`)
    expect(existsSync(join(ROOT, folder))).toBe(true)
  })

  it('has none of the secrets that people keep beside the configuration of Alertmanager', () => {
    const { files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { files: string[] }
    expect(files.indexOf('!alerts/secrets')).toBeGreaterThan(files.indexOf('alerts'))
    for (const name of ['.dockerignore', '.gitignore']) {
      expect(readFileSync(join(ROOT, name), 'utf8'), name).toMatch(/^alerts\/secrets\/?$/m)
    }
  })
})
