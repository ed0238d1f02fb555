/**
 * `node:http` for what the daemon loads at start. Importing it by its name reads all of its exports, also the
 * WebSocket of undici behind a getter, and with it a whole HTTP client that nobody here uses: 5 MB of memory.
 */
export const { Agent, createServer, STATUS_CODES } = process.getBuiltinModule('node:http')
