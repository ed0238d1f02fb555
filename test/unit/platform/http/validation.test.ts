import { Type } from '@fastify/type-provider-typebox'
import Fastify from 'fastify'
import { describe, expect, it } from 'vitest'
import { useStrictValidation } from '../../../../src/platform/http/validation.ts'

describe('a number in a query', () => {
  it.each([
    ['7', 200],
    ['0', 400],
    ['11', 400],
    ['1e400', 400],
    ['-1e400', 400],
    ['Infinity', 400],
    ['NaN', 400],
    ['1.5', 400],
  ])('of %s is answered with %i', async (text, status) => {
    const app = Fastify()
    useStrictValidation(app)
    const querystring = Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10 })) })
    app.get('/', { schema: { querystring } }, async () => 'ok')
    expect((await app.inject(`/?limit=${text}`)).statusCode).toBe(status)
    expect((await app.inject('/')).statusCode).toBe(200)
    await app.close()
  })
})
