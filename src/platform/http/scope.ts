/** What a caller may do. `none` is for routes that say nothing about agents (`/-/healthy`, `/-/ready`). */
export type Scope = 'metrics' | 'read' | 'ingest' | 'control' | 'admin'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Every route names its scope; a route without one is refused at start. */
    scope?: Scope | 'none'
  }
}
