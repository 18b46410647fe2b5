import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The browser of this machine; `undefined` where there is none, which is an error where `COUNTERSIGN_BROWSER` says so. */
export const executablePath: string | undefined = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => existsSync(path))

if (executablePath === undefined) {
  const message = 'there is no Chromium here (apt-get install chromium)'
  if (process.env['COUNTERSIGN_BROWSER'] === 'required') throw new Error(message)
  console.warn(`${message}: the interaction page is not tested in a browser`)
}

/** The folder for pictures of pages. */
export const screenshots: string = fileURLToPath(new URL('../../.reports/screenshots', import.meta.url))
