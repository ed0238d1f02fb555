import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'
import type { FastifyInstance, FastifySchemaCompiler } from 'fastify'

/**
 * Bodies are taken as they are: nothing is coerced and an unknown key is an error, never removed. Queries, path
 * parameters and headers are text, so there numbers and lists are read from text. Only the first error is
 * reported: collecting all of them lets one megabyte of nonsense cost a hundred.
 */
const COMMON = { allErrors: false, removeAdditional: false, useDefaults: true, strictTypes: false } as const

// The package is CommonJS: depending on the loader its default export is the function or holds it.
const formats = ((addFormats as { default?: unknown }).default ?? addFormats) as typeof addFormats.default

function createAjv(coerceTypes: false | 'array'): Ajv {
  const ajv = new Ajv({ ...COMMON, coerceTypes, verbose: true })
  formats(ajv)
  return ajv
}

/**
 * Ajv makes `1e400` the number Infinity after it has checked for finite numbers, and then passes over `minimum` and
 * `maximum`, which it applies to finite ones alone.
 */
function refuseInfinite(validate: ValidateFunction) {
  const refuse: { (data: unknown): boolean; errors?: ErrorObject[] | null } = (data) => {
    if (!validate(data)) {
      refuse.errors = validate.errors ?? null
      return false
    }
    const [name] = Object.entries(data ?? {}).find(([, value]) => holdsInfinite(value)) ?? []
    if (name === undefined) return true
    const message = 'must be a finite number'
    refuse.errors = [{ instancePath: `/${name}`, keyword: 'type', message, params: {}, schemaPath: '' }]
    return false
  }
  return refuse
}

function holdsInfinite(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(holdsInfinite)
  return typeof value === 'number' && !Number.isFinite(value)
}

/** Compiles the request schemas of all routes by the rules above. */
export function useStrictValidation(app: FastifyInstance): void {
  const body = createAjv(false)
  const text = createAjv('array')
  const compile: FastifySchemaCompiler<object> = ({ schema, httpPart }) =>
    httpPart === 'body' ? body.compile(schema) : refuseInfinite(text.compile(schema))
  app.setValidatorCompiler(compile)
}
