import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Alertmanager, startAlertmanager } from '../alertmanager.ts'
import { temporaryFolder } from '../folder.ts'
import { type Prometheus, startPrometheus } from '../prometheus.ts'
import { alertFiles } from '../rule-files.ts'
import { shippedConfig } from '../shipped-alertmanager.ts'
import { rulesInTimeLapse } from '../time-lapse.ts'
import type { LivingDaemons } from './living-daemons.ts'

/** Shipped times of rules divided by this. */
const TIME_LAPSE = 60
/** Where people would be told; nobody listens, so those notifications fail. */
const NOBODY = 'http://127.0.0.1:9'

/** A real Prometheus with all shipped alerts, and a real Alertmanager that it scrapes. */
export interface LivingMonitors extends AsyncDisposable {
  readonly prometheus: Prometheus
  readonly alertmanager: Alertmanager
}

export async function startLivingMonitors(daemons: LivingDaemons): Promise<LivingMonitors> {
  const folder = temporaryFolder()
  const rules = join(folder.path, 'rules.yml')
  writeFileSync(
    rules,
    rulesInTimeLapse(
      alertFiles.map(({ room }) => room),
      TIME_LAPSE,
    ),
  )
  const alertmanager = await startAlertmanager(
    shippedConfig({
      // The shipped file names two; the third is only looked at.
      exporters: [daemons.first, daemons.second].map(({ url }) => `${url}/api/v1/alertmanager`),
      token: daemons.alertmanagerToken,
      people: NOBODY,
      muted: 'never',
      repeatInterval: '10s',
    }),
  )
  const stopAlertmanager = async () => {
    await alertmanager.stop()
    folder[Symbol.dispose]()
  }
  try {
    const prometheus = await startPrometheus(
      [
        {
          job: 'agent-exporter',
          target: '',
          extra: { static_configs: [{ targets: daemons.all.map(({ address }) => address) }] },
        },
        { job: 'alertmanager', target: alertmanager.address },
      ],
      {
        rule_files: [rules],
        alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanager.address] }] }] },
      },
    )
    return {
      ...{ prometheus, alertmanager },
      async [Symbol.asyncDispose]() {
        await prometheus.stop()
        await stopAlertmanager()
      },
    }
  } catch (error) {
    await stopAlertmanager()
    throw error
  }
}
