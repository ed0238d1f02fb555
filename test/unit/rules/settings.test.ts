import { describe, expect, it } from 'vitest'
import { RULE_DEFAULTS } from '../../../src/rules/parameters.ts'
import { parametersOf } from '../../../src/rules/settings.ts'

describe('parameters of the rules', () => {
  it('are the defaults where nothing is set', () => expect(parametersOf([])).toEqual(RULE_DEFAULTS))

  it('are what is set, the last one of a name', () => {
    expect(
      parametersOf([
        'selector=job="a"',
        'selector= job=~"agents-.+", cluster!="x,y" ',
        'prometheus=job="prom"',
        "alertmanager=job='am'",
        'interval=1m',
        'runbooks=https://wiki.example.org/agents',
        'dashboards=https://grafana.example.org/',
      ]),
    ).toEqual({
      selector: 'job=~"agents-.+", cluster!="x,y"',
      prometheus: 'job="prom"',
      alertmanager: "job='am'",
      intervalMs: 60_000,
      runbooks: 'https://wiki.example.org/agents/',
      dashboards: 'https://grafana.example.org',
    })
  })

  it.each([
    ['selektor=job="x"', /selektor is no setting, did you mean selector/],
    ['colour=red', /colour is no setting; known are selector, /],
    ['selector', /needs a value/],
    ['selector=', /must be matchers/],
    ['selector=x', /must be matchers/],
    ['selector={job="x"}', /must be matchers/],
    ['selector=job="x"}) or vector(1) or up({job="x"', /must be matchers/],
    ['selector=job="x", ', /must be matchers/],
    ['selector=job="x\n"', /control characters/],
    ['interval=0s', /from 1s to 2m/],
    ['interval=5m', /from 1s to 2m/],
    ['interval=1500ms', /from 1s to 2m/],
    ['interval=soon', /from 1s to 2m/],
    ['runbooks=wiki', /must be an address/],
    ['dashboards=javascript:alert(1)', /must be an address/],
    ['dashboards=', /must be an address/],
  ])('refuse %j', (setting, message) => {
    expect(() => parametersOf([setting])).toThrow(
      expect.objectContaining({ code: 'AE_BAD_RULE_PARAMETER', message: expect.stringMatching(message) }),
    )
  })
})
