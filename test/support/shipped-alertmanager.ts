import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

const FOLDER = join(import.meta.dirname, '../../alerts')

/** Where the receivers of a test are, and how long it waits. */
export interface Receivers {
  /** URL of the webhook of each exporter; with two, the second of the file, which is commented out there, is used. */
  readonly exporters: readonly string[]
  readonly token: string
  /** Base URL of the others: `/dead-man`, `/slack` and `/pagerduty` are below it. */
  readonly people: string
  /** host:port of a mail server; without one there is no email. */
  readonly mail?: string
  readonly groupWait?: string
  readonly groupInterval?: string
  /** Of the automation route. */
  readonly repeatInterval?: string
  /** In place of nights and weekends. */
  readonly muted: 'always' | 'never'
}

interface Route {
  readonly receiver: string
  readonly [key: string]: unknown
}
interface Receiver {
  readonly name: string
  readonly webhook_configs?: readonly object[]
  readonly pagerduty_configs?: readonly object[]
  readonly slack_configs?: readonly object[]
  readonly email_configs?: readonly object[]
}
interface Shipped {
  readonly global: object
  readonly route: { readonly routes: readonly Route[] }
  readonly receivers: readonly Receiver[]
}

/**
 * The configuration that is shipped (`alerts/alertmanager.yml`), with the addresses and secrets of a test and without
 * long waiting. Routes, inhibitions, texts and limits are as shipped.
 */
export function shippedConfig(wanted: Receivers): object {
  const shipped = parse(textFor(wanted.exporters.length)) as Shipped
  const groupWait = wanted.groupWait ?? '1s'
  const groupInterval = wanted.groupInterval ?? '1s'
  const bearer = { type: 'Bearer', credentials: wanted.token }
  const hook = (hooks: readonly object[] | undefined, urls: readonly string[]) =>
    hooks?.map((one, index) => ({
      ...one,
      url: urls[index],
      http_config: { follow_redirects: false, authorization: bearer },
    }))
  return {
    ...shipped,
    global: {
      ...shipped.global,
      slack_api_url_file: undefined,
      slack_api_url: `${wanted.people}/slack`,
      pagerduty_url: `${wanted.people}/pagerduty`,
      ...(wanted.mail !== undefined && { smtp_smarthost: wanted.mail, smtp_hello: 'localhost' }),
    },
    templates: [join(FOLDER, 'templates/*.tmpl')],
    route: {
      ...shipped.route,
      routes: shipped.route.routes.map((route) => ({
        ...route,
        group_wait: groupWait,
        group_interval: groupInterval,
        ...(route.receiver === 'agent-exporter' &&
          wanted.repeatInterval !== undefined && { repeat_interval: wanted.repeatInterval }),
      })),
    },
    time_intervals: [
      {
        name: 'nights-and-weekends',
        time_intervals: wanted.muted === 'always' ? [{}] : [{ years: ['1970'] }],
      },
    ],
    receivers: shipped.receivers.map((receiver) => ({
      name: receiver.name,
      webhook_configs: hook(
        receiver.webhook_configs,
        receiver.name === 'agent-exporter' ? wanted.exporters : [`${wanted.people}/dead-man`],
      ),
      pagerduty_configs: receiver.pagerduty_configs?.map((one) => ({
        ...one,
        routing_key_file: undefined,
        routing_key: 'a-key',
      })),
      slack_configs: receiver.slack_configs,
      email_configs: wanted.mail === undefined ? undefined : receiver.email_configs,
    })),
  }
}

/** With the exporter that is commented out, if there are two. */
function textFor(exporters: number): string {
  const text = readFileSync(join(FOLDER, 'alertmanager.yml'), 'utf8')
  if (exporters === 1) return text
  const both = text.replace(
    /( {6})# (- url: http:\/\/second-host.*\n)((?: {6}# {3}.*\n)+)/,
    (_, pad, url, more) => `${pad}${url}${String(more).replaceAll(`${pad}# `, pad)}`,
  )
  if (both === text) throw new Error('alertmanager.yml shows no second exporter')
  return both
}
