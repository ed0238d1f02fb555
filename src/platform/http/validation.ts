import { Ajv } from 'ajv'
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

/** Compiles the request schemas of all routes by the rules above. */
export function useStrictValidation(app: FastifyInstance): void {
  const body = createAjv(false)
  const text = createAjv('array')
  const compile: FastifySchemaCompiler<object> = ({ schema, httpPart }) =>
    (httpPart === 'body' ? body : text).compile(schema)
  app.setValidatorCompiler(compile)
}
