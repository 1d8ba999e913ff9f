// The playground in a real browser, against the real `cargo local`.

import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import test, { after, before, describe } from 'node:test'
import { fileURLToPath } from 'node:url'
import { TEXTS } from '../texts.js'
import { phoneOf } from '../wx.js'
import { startBrowser, startCargoLocal } from './support.js'

// `SCREENSHOTS=1 npm test` renews the pictures of README and docs.
const IMAGES = process.env.SCREENSHOTS ? fileURLToPath(new URL('../../../docs/images/', import.meta.url)) : undefined
const { explained: says } = TEXTS.en

describe('the playground', () => {
  let local
  let browser

  const stops = []
  const until = { after: (stop) => stops.push(stop) }

  before(async () => {
    ;[local, browser] = await Promise.all([startCargoLocal(until), startBrowser(until)])
    if (IMAGES) mkdirSync(IMAGES, { recursive: true })
  })

  after(() => Promise.all(stops.map((stop) => stop())))

  /** Opens the playground as a user of their own. */
  async function open(t, { locale = 'en-GB', user = 'oAlice', viewport = { width: 1280, height: 800 } } = {}) {
    const context = await browser.newContext({ locale, viewport })
    t.after(() => context.close())
    const page = await context.newPage()
    page.setDefaultTimeout(20_000)
    const faults = []
    const foreign = []
    page.on('pageerror', (error) => faults.push(error.message))
    page.on('console', (message) => { if (message.text().includes('Content Security Policy')) faults.push(message.text()) })
    page.on('request', (request) => {
      if (!request.url().startsWith(local.playground) && /^(http|ws)/.test(request.url())) foreign.push(request.url())
    })
    t.after(() => assert.deepEqual({ faults, foreign }, { faults: [], foreign: [] }))
    await page.goto(`${local.playground}/`)
    const phone = page.frameLocator('#phone')
    await phone.locator('#login-button').waitFor()
    if (user !== 'oAlice') await page.selectOption('#user', user)
    await page.locator(`#phone[src*="openid=${user}"]`).waitFor()
    await phone.locator('#login-button').waitFor()
    return { page, phone }
  }

  const control = (path, body) => fetch(`${local.playground}${path}`, { method: 'POST', body: JSON.stringify(body) })
  const calm = () => control('/_playground/faults', { seed: 0, places: [] })

  /** Waits for the sentence with this name; `{route}` in it is filled. */
  const told = (page, name, route = '') => page.locator('#explained li', { hasText: says[name].replace('{route}', route) }).first().waitFor()
  const items = (page, table) => page.locator(`[data-table=${table}]`)

  async function logIn({ page, phone }) {
    await phone.locator('#login-button').click()
    await phone.locator('#logout-button').waitFor()
    await told(page, 'login')
  }

  async function eraseUser({ page, phone }) {
    await phone.locator('#profile-button').click()
    await phone.locator('#erase-button').click()
    await phone.locator('#sheet-yes').click()
    await phone.locator('#login-button').waitFor()
    await told(page, 'erased')
  }

  test('a user logs in, gives a phone number and a name, calls a route and logs out', async (t) => {
    const { page, phone } = await open(t)
    await logIn({ page, phone })
    await phone.locator('#phone-button').click()
    await phone.locator('#sheet-yes').click()
    await phone.locator('#phone', { hasText: '139******' }).waitFor()
    await told(page, 'phone')
    await phone.locator('#steps-button').click()
    await phone.locator('#steps', { hasText: '10024' }).waitFor()
    await told(page, 'decrypted')
    await phone.locator('#example-button').click()
    await phone.locator('#example', { hasText: 'oAlice' }).waitFor()
    await told(page, 'example')
    if (IMAGES) await page.screenshot({ path: `${IMAGES}playground-en.png` })

    await phone.locator('#profile-button').click()
    // The field shows the stored name first.
    await phone.locator('#save-button:not([disabled])').waitFor()
    await phone.locator('input[name=name]').fill('Alice')
    await phone.locator('#save-button').click()
    await told(page, 'changed')
    await phone.locator('#back').click()
    await phone.locator('#name', { hasText: /^Alice$/ }).waitFor()
    await phone.locator('#logout-button').click()
    await phone.locator('#login-button').waitFor()
    await told(page, 'logout')
  })

  test('who refuses the phone number stays without one, and sees no error', async (t) => {
    const { page, phone } = await open(t, { user: 'oBob' })
    await logIn({ page, phone })
    await phone.locator('#phone-button').click()
    await phone.locator('#sheet-no').click()
    await phone.locator('#phone-button:not([disabled])').waitFor()
    assert.equal(await phone.locator('#toast').isVisible(), false)
    await phone.locator('#phone', { hasText: 'No phone number yet' }).waitFor()
    await phone.locator('#logout-button').click()
    await phone.locator('#login-button').waitFor()
  })

  test('after a lost response to the login the same code gives the same token', async (t) => {
    const { page, phone } = await open(t, { user: 'oBob' })
    await page.locator('#lose-reply').click()
    await page.locator('#lose-reply[aria-pressed=true]').waitFor()
    await phone.locator('#login-button').click()
    await phone.locator('#logout-button').waitFor()
    await told(page, 'loginReplayed')
    await told(page, 'replyLost', 'POST /login')
    const logins = page.locator('[data-kind=request] summary', { hasText: 'POST /login' })
    assert.match(await logins.nth(0).innerText(), /200/)
    assert.match(await logins.nth(1).innerText(), /lost/)
    if (IMAGES) await page.screenshot({ path: `${IMAGES}playground-lost-reply.png` })
    await phone.locator('#logout-button').click()
    await phone.locator('#login-button').waitFor()
  })

  test('a lost request and a lost response to a logout end in a logout', async (t) => {
    const { page, phone } = await open(t, { user: 'oBob' })
    for (const [what, sentence] of [['request', 'requestLost'], ['reply', 'replyLost']]) {
      await phone.locator('#login-button').click()
      await phone.locator('#logout-button').waitFor()
      await page.waitForTimeout(600)
      await page.locator(`#lose-${what}`).click()
      await page.locator(`#lose-${what}[aria-pressed=true]`).waitFor()
      await phone.locator('#logout-button').click()
      await phone.locator('#login-button').waitFor()
      await told(page, sentence, 'POST /logout')
    }
  })

  test('the tables show no token, session key or phone number, and nothing of an erased user', async (t) => {
    const { page, phone } = await open(t, { user: 'oCarol' })
    await logIn({ page, phone })
    await phone.locator('#phone-button').click()
    await phone.locator('#sheet-yes').click()
    await phone.locator('#phone', { hasText: '139******' }).waitFor()
    const user = items(page, 'users').filter({ hasText: 'oCarol' })
    await user.filter({ hasText: 'phone' }).waitFor()
    const shown = await page.locator('#tables').innerText()
    const token = await page.evaluate(() => JSON.stringify(localStorage).match(/token\\*":\\*"([0-9a-f]{32})/)[1])
    for (const secret of [token, phoneOf('oCarol')]) assert.ok(!shown.includes(secret), secret)
    await eraseUser({ page, phone })
    await user.waitFor({ state: 'detached' })
  })

  test('the client gets through a bad day', async (t) => {
    const { page, phone } = await open(t, { user: 'oBob' })
    t.after(calm)
    await page.locator('[name=seed]').fill('11')
    for (const place of ['page', 'wechat', 'dynamodb', 'secrets']) await page.locator(`[name=${place}]`).check()
    for (let round = 0; round < 4; round++) {
      await phone.locator('#login-button').click()
      await phone.locator('#logout-button').waitFor()
      await phone.locator('#example-button').click()
      await phone.locator('#example-button:not([disabled])').waitFor()
      await phone.locator('#logout-button').click()
      await phone.locator('#login-button').waitFor()
    }
    await page.locator('#timeline .bad').first().waitFor()
    if (IMAGES) {
      await page.locator('#timeline .bad').first().scrollIntoViewIfNeeded()
      await page.screenshot({ path: `${IMAGES}playground-chaos.png` })
    }
  })

  test('a revoked access token is replaced while the user waits', async (t) => {
    const { page, phone } = await open(t, { user: 'oCarol' })
    await logIn({ page, phone })
    const share = async () => {
      await phone.locator('#phone-button').click()
      await phone.locator('#sheet-yes').click()
      await phone.locator('#phone-button:not([disabled])').waitFor()
    }
    await share()
    await page.locator('#revoke').click()
    await share()
    await told(page, 'tokenForced')
    await eraseUser({ page, phone })
  })

  test('thirty days later the session has ended, and the client logs in again', async (t) => {
    const { page, phone } = await open(t, { user: 'oBob' })
    await logIn({ page, phone })
    await page.locator('[data-forward="2592000"]').click()
    await page.waitForTimeout(300)
    await phone.locator('#example-button').click()
    await phone.locator('#example', { hasText: 'oBob' }).waitFor()
    await told(page, 'login')
    await phone.locator('#logout-button').click()
    await phone.locator('#login-button').waitFor()
  })

  test('it speaks Chinese and English, and stays within a narrow screen', async (t) => {
    const { page, phone } = await open(t, { locale: 'zh-CN', viewport: { width: 390, height: 844 } })
    await phone.locator('#login-button', { hasText: '微信登录' }).click()
    await phone.locator('#logout-button', { hasText: '退出登录' }).waitFor()
    await page.locator('#explained li', { hasText: TEXTS.zh.explained.login }).waitFor()
    const width = await page.evaluate(() => document.documentElement.scrollWidth)
    assert.ok(width <= 390, `${width} pixels wide`)
    if (IMAGES) await page.screenshot({ path: `${IMAGES}playground-narrow.png` })
    if (IMAGES) {
      await page.setViewportSize({ width: 1280, height: 800 })
      await page.screenshot({ path: `${IMAGES}playground-zh.png` })
    }
    await page.locator('#language').click()
    await phone.locator('#logout-button', { hasText: 'Log out' }).click()
    await phone.locator('#login-button').waitFor()
    assert.equal(await page.locator('h1').innerText(), TEXTS.en.title)
  })

  test('both languages have the same texts', () => {
    const names = (texts) => Object.entries(texts).flatMap(([name, text]) => (typeof text === 'object' ? names(text).map((inner) => `${name}.${inner}`) : [name]))
    assert.deepEqual(names(TEXTS.zh), names(TEXTS.en))
  })

  test('the other two ports say what they are', async () => {
    assert.match(await (await fetch(`${local.functions}/`)).text(), /functions of cargo local/)
    const aws = local.functions.replace(/\d+$/, (port) => String(Number(port) + 2))
    assert.match(await (await fetch(`${aws}/`)).text(), /DynamoDB/)
  })

  test('what steers it refuses what it does not understand', async () => {
    for (const [path, body] of [
      ['/_playground/faults', {}], ['/_playground/faults', { seed: -1, places: [] }], ['/_playground/faults', { seed: 1, places: ['x'] }],
      ['/_playground/lose', {}], ['/_playground/lose', { what: 'all' }], ['/_control/clock', { advance_seconds: -1 }],
    ]) {
      const reply = await control(path, body)
      assert.equal(reply.status, 400, `${path} ${JSON.stringify(body)}`)
      assert.match(await reply.text(), /\w+ .*\n$/)
    }
  })
})
