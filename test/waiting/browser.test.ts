import { mkdirSync } from 'node:fs'
import { request as openRequest } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { interact } from '@countersign/core'
import { type Browser, type BrowserContext, chromium } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createAuthority } from '../issuer/loopback.js'
import { login } from '../target/login.js'
import { routes, type TargetRoute } from '../target/routes.js'
import { coreAdapters, resource } from '../target/start.js'
import { executablePath, screenshots } from './chromium.js'
import { errorOf, interactionOf, locationOf, openStage, type Stage } from './stage.js'

/** TLS in front of the target, as a proxy would be, and a provider's callback page beside it. */
async function openFront(port: number): Promise<Server> {
  const authority = await createAuthority()
  const { cert, key } = await authority.issue('rs.example')
  const server = createServer({ cert, key }, (incoming, outgoing) => {
    const { method, url, headers } = incoming
    if (headers.host?.startsWith('ap.example') === true) {
      outgoing
        .setHeader('Content-Type', 'text/html')
        .end(`<title>back</title><p id="url">${url?.replace(/[<&]/g, '')}`)
      return
    }
    const onward = openRequest({ host: '127.0.0.1', port, method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode as number, answer.headers)
      answer.pipe(outgoing)
    })
    onward.on('error', () => outgoing.destroy())
    incoming.pipe(onward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

// Text, since this program has no types of a browser.
const looksOfButtons = `[...document.querySelectorAll('button')].map((button) => {
  const { backgroundColor, color, borderColor, fontWeight } = getComputedStyle(button)
  const { width, height } = button.getBoundingClientRect()
  return { backgroundColor, color, borderColor, fontWeight, width, height }
})`

const sale: TargetRoute = {
  method: 'POST',
  path: '/sell',
  requirement: {
    identity: 'agent',
    content: true,
    policy: () => interact({ description: 'Sell the house by the lake' }),
  },
  answer: ({ bytes }) => ({ bytes }),
}

describe.runIf(executablePath !== undefined).each(coreAdapters.filter((name) => name !== 'express4'))(
  'in a browser [adapter %s]',
  (adapter) => {
    let stage: Stage
    let front: Server
    let browser: Browser
    let context: BrowserContext
    let pending: string
    let link: string
    beforeAll(async () => {
      const signOut = () => '/login'
      const interaction = { ...login.interaction, signOut, insecureCookie: false }
      stage = await openStage(adapter, { interaction }, [...routes, sale])
      front = await openFront(stage.port)
      const { port } = front.address() as AddressInfo
      browser = await chromium.launch({
        executablePath: executablePath as string,
        args: [
          '--no-sandbox',
          '--ignore-certificate-errors',
          `--host-resolver-rules=MAP rs.example:443 127.0.0.1:${port},MAP ap.example:443 127.0.0.1:${port}`,
        ],
      })
    }, 60_000)
    afterAll(async () => {
      await browser.close()
      front.close()
      front.closeAllConnections()
      await stage.close()
    })
    beforeEach(async () => {
      context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 900, height: 760 } })
      const first = await stage.sam.request({ url: `${resource}/session` })
      pending = locationOf(first)
      const { url, code } = interactionOf(first)
      link = `${url}?code=${code}`
    })
    afterEach(() => context.close())

    const arrive = async (address = link, asked = 'Connect an agent to rs.example?') => {
      const page = await context.newPage()
      await page.goto(address)
      await page.getByLabel('Name').fill('mom')
      await page.getByLabel('Password').fill('mom')
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByRole('heading', { name: asked }).waitFor()
      return page
    }

    it('a person signs in, sees who asks, reloads, approves, and the agent has its session', async () => {
      const page = await arrive()
      expect(page.url()).not.toContain('code=')
      await page.reload()
      expect(await page.getByText(stage.sam.identifier).isVisible()).toBe(true)
      mkdirSync(screenshots, { recursive: true })
      await page.screenshot({ path: join(screenshots, `consent-${adapter}.png`) })
      await page.getByRole('button', { name: 'Approve' }).click()
      await page.getByRole('heading', { name: 'You approved the request' }).waitFor()
      await page.screenshot({ path: join(screenshots, `approved-${adapter}.png`) })
      const done = await stage.sam.request({ url: pending })
      expect(done.headers.get('aauth-access')).not.toBe(null)
      const cookies = await context.cookies()
      expect(cookies.find(({ name }) => name.startsWith('__Host-'))).toMatchObject({
        secure: true,
        httpOnly: true,
        sameSite: 'Lax',
      })
    }, 30_000)

    it('a person declines, and is led back to the provider', async () => {
      const page = await arrive(`${link}&callback=${encodeURIComponent('https://ap.example/cb?state=7')}`)
      await page.getByRole('button', { name: 'Decline' }).click()
      await page.waitForURL('https://ap.example/cb?state=7&error=access_denied')
      expect(await errorOf(await stage.sam.request({ url: pending }))).toBe('denied')
    }, 30_000)

    it('the page works without script, by keyboard, on a narrow screen, and reports nothing to the console', async () => {
      await context.close()
      context = await browser.newContext({
        ignoreHTTPSErrors: true,
        javaScriptEnabled: false,
        colorScheme: 'dark',
        viewport: { width: 320, height: 640 },
      })
      const page = await arrive()
      const said: string[] = []
      page.on('console', (message) => said.push(message.text()))
      await page.reload()
      await page.screenshot({ path: join(screenshots, `narrow-${adapter}.png`), fullPage: true })
      await page.getByRole('button', { name: 'Approve' }).focus()
      await page.keyboard.press('Enter')
      await page.getByRole('heading', { name: 'You approved the request' }).waitFor()
      expect(said).toEqual([])
    }, 30_000)

    it('looks right on phones and desktops, light and dark, and decline is as easy as approve', async () => {
      const call = { method: 'POST', url: `${resource}/sell?house=1` }
      const headers: [string, string][] = [['Content-Type', 'application/json']]
      const held = await stage.sam.request({ ...call, headers, body: '{"house":1,"price":"3,200 EUR"}' })
      const { url, code } = interactionOf(held)
      for (const [address, asked, name] of [
        [link, 'Connect an agent to rs.example?', 'connect'],
        [`${url}?code=${code}`, 'Let an agent do this once?', 'once'],
      ] as const) {
        await context.close()
        context = await browser.newContext({ ignoreHTTPSErrors: true })
        const page = await arrive(address, asked)
        for (const [width, height] of [
          [375, 667],
          [1280, 800],
        ] as const)
          for (const colorScheme of ['light', 'dark'] as const) {
            await page.setViewportSize({ width, height })
            await page.emulateMedia({ colorScheme })
            const file = `${name}-${width}-${colorScheme}-${adapter}.png`
            await page.screenshot({ path: join(screenshots, file), fullPage: true })
            const looks = await page.evaluate<object[]>(looksOfButtons)
            expect(looks).toHaveLength(2)
            expect(looks[0]).toEqual(looks[1])
            const warning = await page.getByText('Approve only if').boundingBox()
            const approve = await page.getByRole('button', { name: 'Approve' }).boundingBox()
            expect(warning?.y).toBeLessThan(approve?.y as number)
            // Nothing is cut off at the side.
            expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(
              width,
            )
          }
      }
    }, 60_000)

    it('a second browser with the same link gets nothing', async () => {
      await arrive()
      const other = await browser.newContext({ ignoreHTTPSErrors: true })
      const page = await other.newPage()
      const answer = await page.goto(link)
      expect(answer?.status()).toBe(410)
      expect(await page.getByRole('alert').textContent()).toContain('used already')
      await page.screenshot({ path: join(screenshots, `spent-${adapter}.png`) })
      await other.close()
    }, 30_000)

    it('no other site can frame the page', async () => {
      const page = await context.newPage()
      await page.goto('https://ap.example/')
      await page.setContent(`<iframe src="${link}" id="frame"></iframe>`)
      await page.waitForLoadState('networkidle')
      expect(await page.frames()[1]?.getByRole('heading').count()).toBe(0)
    }, 30_000)
  },
)
