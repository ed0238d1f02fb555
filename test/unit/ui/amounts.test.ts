import { describe, expect, it } from 'vitest'
import { ago, bytes, count, duration, moment, money, percent } from '../../../src/ui/amounts.ts'
import { at, NOW_MS } from './scene.ts'

describe('amounts as people read them', () => {
  it.each([
    [bytes(0), '0 B'],
    [bytes(1_023), '1.00 KiB'],
    [bytes(2 ** 30), '1 GiB'],
    [bytes(190 * 2 ** 20), '190 MiB'],
    [bytes(1.5 * 2 ** 30), '1.50 GiB'],
    [percent(0.999), '99 %'],
    [percent(0.0123), '1.2 %'],
    [percent(1.4), '140 %'],
    [count(1_234_567), '1,234,567'],
    [count(0.25), '0.25'],
    [money(0), '$0.00'],
    [money(0.0123), '$0.0123'],
    [money(12.345), '$12.35'],
    [duration(59.9), '59 s'],
    [duration(60), '1 min'],
    [duration(7_500), '2 h 5 min'],
    [duration(90_000), '1 d 1 h'],
  ])('%s', (shown, expected) => expect(shown).toBe(expected))

  it('shows a dash for what is not known, never a 0', () => {
    for (const shown of [bytes, percent, count, money, duration]) {
      expect(shown(undefined)).toBe('–')
      expect(shown(Number.NaN)).toBe('–')
    }
    expect(ago(undefined, NOW_MS)).toBe('–')
    expect(ago(null, NOW_MS)).toBe('–')
  })

  it('keeps the exact time beside how long ago it was, and the date of another day', () => {
    expect(ago(at(150), NOW_MS)).toEqual({
      markup: '<time datetime="2026-01-31T11:57:30.000Z" title="2026-01-31 11:57:30 UTC">2 min ago</time>',
    })
    expect(moment(at(0), NOW_MS).markup).toContain('>12:00:00<')
    expect(moment(at(86_400), NOW_MS).markup).toContain('>2026-01-30 12:00:00<')
  })
})
