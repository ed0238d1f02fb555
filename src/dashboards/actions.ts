/** A button of Grafana: the reader's browser sends the request. */
export interface PanelAction {
  readonly type: 'fetch'
  readonly title: string
  readonly confirmation: string
  readonly oneClick: false
  readonly variables: readonly { readonly key: string; readonly name: string; readonly type: 'string' }[]
  readonly fetch: {
    readonly method: 'POST'
    readonly url: string
    readonly headers: readonly (readonly [name: string, value: string])[]
    readonly body: string
  }
}

const AGENT = '${__data.fields.agent:percentencode}'
const INSTANCE = '${__data.fields.instance}'

/**
 * Buttons of an agent in a table. They carry no token: whoever may read a dashboard could read it. The exporter must
 * know who asks in another way (a proxy that signs in, a cookie), and must allow the origin of Grafana
 * (`auth.allowedOrigins`); Grafana sends `X-Grafana-Action` and, across origins, `X-Grafana-Device-Id`.
 *
 * @param address where browsers find the exporter; `{instance}` stands for the label of the target
 */
export function agentActions(address: string): readonly PanelAction[] {
  const base = address.replaceAll('{instance}', INSTANCE).replace(/\/$/, '')
  return [action('Pause', 'pause', base), action('Resume', 'resume', base)]
}

function action(title: string, verb: 'pause' | 'resume', base: string): PanelAction {
  return {
    type: 'fetch',
    title: `${title} \${__data.fields.agent}`,
    confirmation: `${title} agent \${__data.fields.agent}?`,
    oneClick: false,
    variables: [{ key: 'reason', name: 'Reason', type: 'string' }],
    fetch: {
      method: 'POST',
      url: `${base}/api/v1/agents/${AGENT}/${verb}`,
      headers: [['Content-Type', 'application/json']],
      body: '{"reason":"$reason"}',
    },
  }
}
