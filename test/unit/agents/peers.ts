import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'

/** The header `x-peer-uid` says whose process asks, instead of the kernel's table of sockets. */
export function peersByHeader(routes: FastifyPluginAsyncTypebox | undefined): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.addHook('preHandler', async (request) => {
      const uid = request.headers['x-peer-uid']
      const peerUid = async () => (uid === undefined ? undefined : Number(uid))
      request.caller = { ...request.caller, peerUid }
    })
    if (routes !== undefined) await app.register(routes)
  }
}
