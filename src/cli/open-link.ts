import { spawn } from 'node:child_process'
import { closeSync, constants, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { escapeHtml } from '../platform/http/html.ts'
import { ensureDataDir } from '../platform/store/data-dir.ts'

const FILE_NAME = 'open-ui.html'
/** A program that hands the page over to a browser ends at once; one that is the browser does not. */
const WATCHED_MS = 3_000

/**
 * Opens the link in the person's browser. Command lines can be read by every user of the host, so the link stands in a
 * file that only its owner can read (0600 in the data directory, overwritten the next time), and the browser is given
 * the name of that file.
 * @returns why it could not be opened, in one sentence
 */
export async function openLink(
  url: string,
  dataDir: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  const opener = openerFor(process.platform, env)
  if (opener === undefined) return 'There is no desktop here.'
  ensureDataDir(dataDir)
  const file = join(dataDir, FILE_NAME)
  writePage(file, url)
  return await new Promise((resolve) => {
    const child = spawn(opener, [pathToFileURL(file).href], { detached: true, stdio: 'ignore', env })
    const timer = setTimeout(() => resolve(undefined), WATCHED_MS)
    const end = (problem: string | undefined) => {
      clearTimeout(timer)
      resolve(problem)
    }
    child.once('error', (error: NodeJS.ErrnoException) => end(`${opener} could not be run (${error.code}).`))
    child.once('exit', (code) => end(code === 0 ? undefined : `${opener} found no browser.`))
    child.unref()
  })
}

/** On Linux a desktop shows itself in the environment; without one xdg-open would start a browser in the terminal. */
function openerFor(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): string | undefined {
  if (platform === 'darwin') return 'open'
  return env['DISPLAY'] || env['WAYLAND_DISPLAY'] ? 'xdg-open' : undefined
}

function writePage(file: string, url: string): void {
  rmSync(file, { force: true })
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  const fd = openSync(file, flags, 0o600)
  try {
    const link = escapeHtml(url)
    writeSync(
      fd,
      `<!DOCTYPE html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=${link}">` +
        `<title>agent-exporter</title><a href="${link}">Control page</a>\n`,
    )
  } finally {
    closeSync(fd)
  }
}
