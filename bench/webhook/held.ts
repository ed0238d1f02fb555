// A receiver as others are: one command for each notification, answered when that has ended.
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const [seconds = '0.2'] = process.argv.slice(2)

const server = createServer((request, response) => {
  request.resume()
  request.on('end', () => {
    const command = spawn('/bin/sleep', [seconds], { stdio: 'ignore' })
    command.once('exit', () => response.setHeader('content-type', 'application/json').end('{}'))
  })
})
server.listen(0, '127.0.0.1', () => {
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` })
})
process.once('disconnect', () => process.exit())
