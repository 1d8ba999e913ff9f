// The sample project: its files fit together, its pages render and do what their buttons say.

import assert from 'node:assert/strict'
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { JSDOM } from 'jsdom'
import ts from 'typescript'
import { createBackEnd } from './support/back_end.js'
import { createWx } from './support/wx.js'

const require = createRequire(import.meta.url)
const SAMPLE = fileURLToPath(new URL('../sample/', import.meta.url))

const json = async (name) => JSON.parse(await readFile(join(SAMPLE, name), 'utf8'))
const exists = (name) => stat(join(SAMPLE, name)).then(() => true, () => false)

test('every page of app.json has its four files', async () => {
  const { pages } = await json('app.json')
  assert.ok(pages.length > 0)
  for (const page of pages) {
    for (const ending of ['js', 'json', 'wxml']) assert.ok(await exists(`${page}.${ending}`), `${page}.${ending}`)
    await json(`${page}.json`)
  }
})

test('app.json asks for privacy checks and names its sitemap', async () => {
  const app = await json('app.json')
  assert.equal(app.__usePrivacyCheck__, true)
  assert.ok(Array.isArray((await json(app.sitemapLocation)).rules))
})

test('the project opens as a tourist, compiles modern JavaScript and lets http through', async () => {
  const project = await json('project.config.json')
  assert.equal(project.appid, 'touristappid')
  assert.equal(project.compileType, 'miniprogram')
  assert.deepEqual([project.setting.es6, project.setting.enhance, project.setting.urlCheck], [true, true, false])
})

test('every handler that a page names exists in it', async () => {
  const { pages } = await json('app.json')
  for (const page of pages) {
    const [wxml, js] = await Promise.all(['wxml', 'js'].map((ending) => readFile(join(SAMPLE, `${page}.${ending}`), 'utf8')))
    const handlers = [...wxml.matchAll(/bind\w+="(\w+)"/g)].map(([, name]) => name)
    assert.ok(handlers.length > 3)
    for (const name of handlers) assert.match(js, new RegExp(`^  (async )?${name}\\(`, 'm'), `${page}: ${name}`)
  }
})

test('every text is there in both languages', async () => {
  const source = await readFile(join(SAMPLE, 'texts.js'), 'utf8')
  const keys = (name) => [...source.match(new RegExp(`const ${name} = {([^]*?)\n}`))[1].matchAll(/^ {2}(\w+):/gm)].map(([, key]) => key)
  assert.deepEqual(keys('en'), keys('zh'))
})

test("the sample's client is the package's", async () => {
  for (const [copy, original] of [['client.js', 'index.js'], ['client.d.ts', 'index.d.ts']]) {
    const same = await readFile(join(SAMPLE, copy), 'utf8') === await readFile(new URL(`../src/${original}`, import.meta.url), 'utf8')
    assert.ok(same, `sample/${copy} is not src/${original}: npm run build copies it`)
  }
})

/**
 * Renders pages of the sample, compiled as DevTools does it: modules to CommonJS, WXML by WeChat's
 * own compiler.
 */
async function openSample(t, { language = 'en', backEnd: given } = {}) {
  const backEnd = given || await createBackEnd()
  const folder = await mkdtemp(join(tmpdir(), 'sample-'))
  t.after(async () => {
    if (!given) await backEnd.close()
    await rm(folder, { recursive: true })
  })
  await cp(SAMPLE, folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), '{"type":"commonjs"}')
  for (const name of await readdir(folder, { recursive: true })) {
    if (name.endsWith('.js')) {
      const source = (await readFile(join(folder, name), 'utf8')).replace('http://127.0.0.1:9000', backEnd.baseUrl)
      const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2018 }
      await writeFile(join(folder, name), ts.transpileModule(source, { compilerOptions }).outputText)
    }
  }
  const shown = []
  const wx = createWx({ newCode: () => backEnd.newCode() })
  Object.assign(wx, {
    getAppBaseInfo: () => ({ language: language === 'en' ? 'en' : 'zh_CN' }),
    showToast: ({ title }) => shown.push(title),
    showModal: async ({ title }) => { shown.push(title); return { confirm: wx.confirms } },
    confirms: true,
    navigateTo: ({ url }) => shown.push(url),
    reLaunch: ({ url }) => shown.push(url),
    openPrivacyContract: () => shown.push('privacy'),
    getWeRunData: async () => ({ encryptedData: 'x', iv: 'y' }),
  })

  const dom = new JSDOM('<!doctype html><body></body>', { url: 'http://localhost/', pretendToBeVisual: true })
  for (const name of ['window', 'document', 'Event', 'CustomEvent', 'HTMLElement', 'Node', 'MutationObserver']) {
    global[name] = name === 'window' ? dom.window : dom.window[name]
  }
  const simulate = require('miniprogram-simulate')
  // What the simulator brings of `wx` is not wanted: it would answer instead of the back end.
  global.wx = wx
  global.Page = ({ data, onLoad, onShow, ...methods }) => global.Component({
    data,
    methods: { ...methods, onLoad, onShow },
    attached() {
      if (onLoad) onLoad.call(this, {})
      if (onShow) onShow.call(this)
    },
  })

  return {
    backEnd,
    wx,
    shown,
    open(page) {
      const id = simulate.load(join(folder, page), { rootPath: folder })
      const component = simulate.render(id)
      const parent = document.createElement('div')
      component.attach(parent)
      const find = (selector) => component.querySelector(selector)
      return {
        find,
        text: (selector) => (find(selector) ? find(selector).dom.textContent.trim() : undefined),
        fire: (selector, event, detail) => find(selector).dispatchEvent(event, { detail, bubbles: true }),
        data: () => component.data,
        show: () => component.instance.onShow(),
        html: () => component.dom.innerHTML,
        /** Waits until something is so. */
        async until(what, when) {
          for (let turn = 0; turn < 200; turn++) {
            if (when()) return
            await new Promise((resolve) => { setTimeout(resolve, 10) })
          }
          throw new Error(`never: ${what}; ${component.dom.innerHTML}`)
        },
      }
    },
  }
}

test('a user clicks through the first page: login, phone, steps, a route of their own, logout', async (t) => {
  const { backEnd, wx, shown, open } = await openSample(t)
  const page = open('pages/index/index')
  assert.equal(page.text('#welcome'), 'Welcome')
  assert.deepEqual(wx.sent(), [])

  page.fire('#login-button', 'tap')
  await page.until('waiting', () => page.data().busy === 'login')
  await page.until('the user', () => page.find('#name') && page.data().busy === '')
  assert.equal(page.text('#name'), 'No nickname yet')

  page.fire('#phone-button', 'getphonenumber', { code: 'p1' })
  await page.until('the phone', () => page.text('#phone') === '139******00')

  page.fire('#steps-button', 'tap')
  await page.until('the steps', () => page.text('#steps') === 'Steps today: 0')

  page.fire('#example-button', 'tap')
  await page.until('the answer', () => (page.text('#example') || '').includes('oAlice'))

  page.fire('#logout-button', 'tap')
  await page.until('the login', () => page.find('#login-button') && page.data().busy === '')
  assert.equal(backEnd.alive('oAlice').length, 0)
  assert.ok(shown.includes('Logged out'))
  const { user, phone, steps, example } = page.data()
  assert.deepEqual({ user, phone, steps, example }, { user: null, phone: '', steps: null, example: '' })
})

test('a user who declines the phone number is told nothing', async (t) => {
  const { shown, open } = await openSample(t)
  const page = open('pages/index/index')
  page.fire('#login-button', 'tap')
  await page.until('the user', () => page.find('#phone-button') && page.data().busy === '')
  page.fire('#phone-button', 'getphonenumber', { errMsg: 'getPhoneNumber:fail user deny' })
  await page.until('the end', () => page.data().busy === '')
  assert.deepEqual(shown, [])
})

test('a failure is told in Chinese to a Chinese user', async (t) => {
  const { backEnd, shown, open } = await openSample(t, { language: 'zh' })
  const page = open('pages/index/index')
  assert.equal(page.text('#login-button'), '微信登录')
  backEnd.next('POST /login', { status: 403, body: { code: 403, msg: 'x', data: null, error: 'user_blocked', request_id: 'r' } })
  page.fire('#login-button', 'tap')
  await page.until('the message', () => shown.length > 0)
  assert.deepEqual(shown, ['该账号暂时无法登录'])
})

test('a user who comes back is shown at once', async (t) => {
  const first = await openSample(t)
  const page = first.open('pages/index/index')
  page.fire('#login-button', 'tap')
  await page.until('the user', () => page.find('#name') && page.data().busy === '')
  const again = first.open('pages/index/index')
  await again.until('the user', () => again.find('#name'))
  assert.equal(first.wx.count('wx.login'), 1)
})

test('a user changes name and picture on the second page', async (t) => {
  const { backEnd, shown, open } = await openSample(t)
  const page = open('pages/profile/profile')
  await page.until('the user', () => page.data().user)
  page.fire('#form', 'submit', { value: { name: ' 小明 ' } })
  await page.until('the message', () => shown.includes('Saved'))
  assert.equal(backEnd.users.get('oAlice').name, '小明')
  page.fire('#avatar-button', 'chooseavatar', { avatarUrl: join(SAMPLE, 'app.json') })
  await page.until('the picture', () => page.data().user.avatar === 'https://api.example.com/avatars/a')
})

test('a user deletes the account only after saying so', async (t) => {
  const { backEnd, wx, shown, open } = await openSample(t)
  const page = open('pages/profile/profile')
  await page.until('the user', () => page.data().user)
  wx.confirms = false
  page.fire('#erase-button', 'tap')
  await page.until('the question', () => shown.includes('Delete your account?') && page.data().busy === '')
  assert.equal(backEnd.users.size, 1)
  wx.confirms = true
  page.fire('#erase-button', 'tap')
  await page.until('the first page', () => shown.includes('/pages/index/index'))
  assert.equal(backEnd.users.size, 0)
  assert.equal(page.data().user, null)
})

test('a user logs out on all devices', async (t) => {
  const { backEnd, shown, open } = await openSample(t)
  const page = open('pages/profile/profile')
  await page.until('the user', () => page.data().user)
  page.fire('#logout-all-button', 'tap')
  await page.until('the first page', () => shown.includes('/pages/index/index'))
  assert.equal(backEnd.alive('oAlice').length, 0)
})
