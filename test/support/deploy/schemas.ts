import { join } from 'node:path'
import {
  PrometheusRule,
  ServiceMonitor,
} from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1'
import { AlertmanagerConfig } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1alpha1'
import { Ajv, type SchemaObject, type ValidateFunction } from 'ajv'
import { DaemonSet } from 'kubernetes-models/apps/v1'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import { ConfigMap, Namespace, Service, ServiceAccount } from 'kubernetes-models/v1'
import { createGenerator } from 'ts-json-schema-generator'
import type { Manifest } from './manifests.ts'

const ROOT = join(import.meta.dirname, '../../..')

const MODELS = [
  ConfigMap,
  DaemonSet,
  Namespace,
  NetworkPolicy,
  Service,
  ServiceAccount,
  ServiceMonitor,
  PrometheusRule,
  AlertmanagerConfig,
] as const

/**
 * Compares manifests with what the API servers take: once with the schemas of Kubernetes and of the Prometheus operator,
 * which pass over keys that they do not know, and once closed, with the types made of them.
 */
export function createSchemaCheck(): (manifest: Manifest) => readonly string[] {
  const generator = createGenerator({
    path: join(ROOT, 'test/support/deploy/kubernetes-types.ts'),
    tsconfig: join(ROOT, 'tsconfig.json'),
    skipTypeCheck: true,
    additionalProperties: false,
    functions: 'hide',
    // Names of types repeat from one group of the API to the next.
    expose: 'none',
  })
  const ajv = new Ajv({ allErrors: true, strict: false })
  const closed = new Map<string, ValidateFunction>()
  const closedOf = (kind: string): ValidateFunction => {
    const known = closed.get(kind)
    if (known !== undefined) return known
    const made = ajv.compile(generator.createSchema(`I${kind}`) as SchemaObject)
    closed.set(kind, made)
    return made
  }
  return (manifest) => {
    const model = MODELS.find((one) => one.kind === manifest.kind && one.apiVersion === manifest.apiVersion)
    if (model === undefined) return [`no schema for ${manifest.apiVersion} ${manifest.kind}`]
    const validate = closedOf(manifest.kind)
    validate(manifest)
    return [
      ...modelErrors(model, manifest),
      ...(validate.errors ?? []).map(
        ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
      ),
    ]
  }
}

function modelErrors(model: (typeof MODELS)[number], manifest: Manifest): readonly string[] {
  try {
    new model(manifest as never).validate()
    return []
  } catch (error) {
    return [(error as Error).message]
  }
}
