// What each call sends, gives and rejects with.

import assert from 'node:assert/strict'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createClient, TEXTS } from '../src/index.js'
import { byGateway, ourError } from './support/back_end.js'
import { errorOf, fates, LOST, openPage, REPLY_LOST } from './support/page.js'

const HTML = '<html><body>Welcome to our Wi-Fi</body></html>'

test('an error is an Error with error, status, msg and requestId', async (t) => {
  // Before: whatever the body was, spread into an object; pages showed "undefined" for a network
  // fault.
  const { backEnd, client } = await openPage(t)
  backEnd.next('PUT /user', ourError('missing_parameter'))
  const error = await errorOf(client.changeUser({}))
  assert.ok(error instanceof Error)
  const { error: name, status, msg, requestId } = error
  assert.deepEqual({ name, status, msg, requestId }, {
    name: 'missing_parameter', status: 400, msg: '缺少参数', requestId: 'req-1',
  })
})

for (const [what, status, body] of [['HTML', 200, HTML], ['an empty body', 200, ''], ['HTML', 502, HTML], ['an empty body', 403, '']]) {
  test(`${what} with ${status} from anything in between gives unavailable`, async (t) => {
    // Before: {"0":"<","1":"h",…}.
    const { backEnd, client } = await openPage(t)
    await client.login()
    backEnd.next('GET /example', ...Array(4).fill({ status, body }))
    const error = await errorOf(client.request('GET', '/example'))
    assert.equal(error.error, 'unavailable')
    assert.equal(error[0], undefined)
  })
}

test('a login page in place of a reply to a login is retried and never stored', async (t) => {
  const { backEnd, client, stored } = await openPage(t)
  backEnd.next('POST /login', { status: 200, body: HTML }, { status: 200, body: { welcome: true } }, { status: 200, body: { code: 200, data: null } })
  await client.login()
  assert.match(stored().token, /^[0-9a-f]{32}$/)
})

test('a whole call has one deadline, whatever it retries', async (t) => {
  // Before: 3 tries of 15 seconds each, for the login and the request: a minute and a half.
  const { client } = await openPage(t, { fate: () => ({ replyLate: 5000 }), options: { timeout: 300 } })
  const began = Date.now()
  assert.equal((await errorOf(client.user())).error, 'unavailable')
  const took = Date.now() - began
  assert.ok(took >= 250 && took < 600, `${took} ms`)
})

test('a wx.login that never answers ends at the deadline', async (t) => {
  const { wx, client } = await openPage(t, { options: { timeout: 100 } })
  wx.login = () => {}
  assert.equal((await errorOf(client.login())).error, 'unavailable')
})

test('the deadline is 20 seconds if nothing else is said', async (t) => {
  const { wx, client } = await openPage(t)
  await client.login()
  const [, login] = wx.calls
  assert.ok(login.timeout <= 10000 && login.timeout > 9000)
})

test("a refusal by the user of the phone button is user_denied, with the texts' words", async (t) => {
  // Before: { error: 'refused', msg: 'getPhoneNumber:fail user deny' }, shown to the user.
  const { wx, client } = await openPage(t)
  const error = await errorOf(client.phone({ detail: { errMsg: 'getPhoneNumber:fail user deny' } }))
  assert.equal(error.error, 'user_denied')
  assert.equal(error.msg, TEXTS.zh.user_denied)
  assert.deepEqual(wx.sent(), [])
})

for (const [errMsg, kind, errno] of [
  ['getPhoneNumber:fail privacy permission is not authorized', 'user_denied'],
  ['getPhoneNumber:fail', 'user_denied', 104],
  ['getPhoneNumber:fail no permission', 'wechat_refused'],
  ['getPhoneNumber:ok', 'wechat_refused'],
]) {
  test(`a phone button without a code that says "${errMsg}" is ${kind}`, async (t) => {
    const { client } = await openPage(t)
    const error = await errorOf(client.phone({ detail: { errMsg, errno } }))
    assert.equal(error.error, kind)
    assert.equal(error.detail, errMsg)
  })
}

test('phone sends the code once more if the reply was lost', async (t) => {
  const { wx, client } = await openPage(t, { fate: fates({ 'POST /phone': [REPLY_LOST] }) })
  assert.deepEqual(await client.phone({ detail: { code: 'p1' } }), { phone: '13900000000', countryCode: '86' })
  assert.equal(wx.count('POST /phone'), 2)
})

test('decrypt logs in before it fetches the data', async (t) => {
  // Before: fetched first; the login then changed the session_key and the data was stale.
  const { wx, client } = await openPage(t)
  await client.decrypt(() => {
    wx.calls.push({ name: 'request', method: 'GET', path: 'the data' })
    return { encryptedData: 'x', iv: 'y' }
  })
  assert.deepEqual(wx.sent(), ['wx.login', 'POST /login', 'GET the data', 'POST /decrypt'])
})

test('decrypt with a stale key ends the session, opens another and fetches the data again', async (t) => {
  const { backEnd, client } = await openPage(t)
  const data = ['stale', 'fresh']
  const opened = await client.decrypt(async () => ({ encryptedData: data.shift(), iv: 'i', rawData: 'r', signature: 's' }))
  assert.deepEqual(opened.got, { encryptedData: 'fresh', iv: 'i', rawData: 'r', signature: 's' })
  assert.equal(backEnd.alive('oAlice').length, 1)
})

test('two calls of decrypt that find the key stale at once leave one session', async (t) => {
  const { backEnd, client } = await openPage(t, { delay: () => Math.random() * 4 })
  const once = () => {
    const data = ['stale', 'fresh']
    return client.decrypt(() => ({ encryptedData: data.shift(), iv: 'i' }))
  }
  await Promise.all([once(), once()])
  assert.equal(backEnd.alive('oAlice').length, 1)
})

test('decrypt gives up when the key is stale twice', async (t) => {
  const { client } = await openPage(t)
  const error = await errorOf(client.decrypt(() => ({ encryptedData: 'stale', iv: 'i' })))
  assert.equal(error.error, 'session_key_stale')
})

test('the time that a user takes to allow the steps does not count', async (t) => {
  const { client } = await openPage(t, { options: { timeout: 200 } })
  await client.decrypt(() => new Promise((resolve) => { setTimeout(() => resolve({ encryptedData: 'x', iv: 'y' }), 400) }))
})

test('a user who does not allow the steps is user_denied', async (t) => {
  const { client } = await openPage(t)
  const error = await errorOf(client.decrypt(() => Promise.reject(Object.assign({}, { errMsg: 'getWeRunData:fail auth deny' }))))
  assert.equal(error.error, 'user_denied')
})

test('avatar uploads the picture of chooseAvatar', async (t) => {
  const { wx, client } = await openPage(t)
  const avatarUrl = await picture()
  const user = await client.avatar({ detail: { avatarUrl } })
  assert.equal(user.avatar, 'https://api.example.com/avatars/a')
  assert.deepEqual(wx.sent(), ['wx.login', 'POST /login', 'POST /user/avatar'])
})

test('avatar uploads again if the reply was lost', async (t) => {
  const { wx, client } = await openPage(t, { fate: fates({ 'upload /user/avatar': [REPLY_LOST] }) })
  await client.avatar(await picture())
  assert.equal(wx.count('POST /user/avatar'), 2)
})

test('avatar of a user who chose none is user_denied', async (t) => {
  const { client } = await openPage(t)
  assert.equal((await errorOf(client.avatar({ detail: { errMsg: 'chooseAvatar:fail cancel' } }))).error, 'user_denied')
})

test('a lost GET of a route of your own is sent again', async (t) => {
  const { wx, client } = await openPage(t, { fate: fates({ 'GET /example': [LOST, REPLY_LOST] }) })
  await client.request('GET', '/example')
  assert.equal(wx.count('GET /example'), 3)
})

test('a lost POST to a route of your own is not sent again', async (t) => {
  const { backEnd, wx, client } = await openPage(t, { fate: fates({ 'POST /orders': [REPLY_LOST] }) })
  backEnd.route('POST /orders', () => ({ status: 200, body: { id: 1 } }))
  assert.equal((await errorOf(client.request('POST', '/orders', { item: 1 }))).error, 'unavailable')
  assert.equal(wx.count('POST /orders'), 1)
})

test('a lost POST is sent again if the page says that it may be', async (t) => {
  const { backEnd, client } = await openPage(t, { fate: fates({ 'POST /orders': [REPLY_LOST] }) })
  backEnd.route('POST /orders', () => ({ status: 200, body: { id: 1 } }))
  assert.deepEqual(await client.request('POST', '/orders', { item: 1 }, { retry: true }), { id: 1 })
})

test('a route of your own may answer 204', async (t) => {
  const { backEnd, wx, client } = await openPage(t)
  backEnd.route('DELETE /orders', () => ({ status: 200, body: {} }))
  const request = wx.request.bind(wx)
  wx.request = (options) => request({ ...options, success: (reply) => options.success(options.method === 'DELETE' ? { ...reply, statusCode: 204, data: '' } : reply) })
  assert.equal(await client.request('DELETE', '/orders'), null)
})

for (const [status, name] of [[404, 'not_found'], [429, 'rate_limited'], [413, 'body_too_large'], [409, 'failed'], [500, 'unavailable']]) {
  test(`API Gateway's own ${status} is ${name}`, async (t) => {
    const { backEnd, client } = await openPage(t)
    await client.login()
    backEnd.next('GET /example', ...Array(4).fill({ ...byGateway(status, 'x'), headers: { 'Apigw-Requestid': 'gw-1' } }))
    const error = await errorOf(client.request('GET', '/example'))
    assert.deepEqual([error.error, error.status, error.requestId], [name, status, 'gw-1'])
  })
}

test('an error of your own route keeps its name, its text and its body', async (t) => {
  const { backEnd, client } = await openPage(t)
  backEnd.route('POST /orders', () => ({ status: 409, body: { error: 'sold_out', msg: '已售罄', left: 0 } }))
  const error = await errorOf(client.request('POST', '/orders'))
  assert.deepEqual([error.error, error.msg, error.body.left], ['sold_out', '已售罄', 0])
})

test('msg is in English if the page wants it so', async (t) => {
  const { client } = await openPage(t, { options: { language: 'en' } })
  assert.equal((await errorOf(client.eraseUser())).msg, TEXTS.en.logged_out)
})

test('both languages have a text for the same errors', () => {
  assert.deepEqual(Object.keys(TEXTS.en), Object.keys(TEXTS.zh))
})

test('a promise that Taro gives besides the callbacks causes no unhandled rejection', async (t) => {
  const { wx, client } = await openPage(t, { fate: fates({ 'GET /user': Array(4).fill(LOST) }) })
  const request = wx.request.bind(wx)
  wx.request = (options) => new Promise((resolve, reject) => {
    request({ ...options, success: (reply) => { options.success(reply); resolve(reply) }, fail: (lost) => { options.fail(lost); reject(lost) } })
  })
  assert.equal((await errorOf(client.user())).error, 'unavailable')
})

test('a request that timed out is aborted', async (t) => {
  const { wx, client } = await openPage(t, { fate: fates({ 'POST /login': [{ replyLate: 200 }] }), options: { timeout: 200 } })
  await client.login()
  assert.equal(wx.calls[1].aborted, true)
})

for (const [what, options, message] of [
  ['no options', undefined, /baseUrl/],
  ['no URL', { baseUrl: 'api.example.com', wx: {} }, /baseUrl/],
  ['no wx', { baseUrl: 'https://api.example.com' }, /pass wx/],
  ['a timeout of 0', { baseUrl: 'https://api.example.com', wx: {}, timeout: 0 }, /timeout/],
  ['a language without texts', { baseUrl: 'https://api.example.com', wx: {}, language: 'fr' }, /language/],
]) {
  test(`createClient with ${what} says what is wrong`, () => {
    assert.throws(() => createClient(options), message)
  })
}

for (const [what, call] of [
  ['phone()', (client) => client.phone()],
  ['avatar()', (client) => client.avatar()],
  ['changeUser()', (client) => client.changeUser()],
  ['decrypt()', (client) => client.decrypt()],
  ['decrypt of nothing', (client) => client.decrypt(() => undefined)],
  ['request of a whole URL', (client) => client.request('GET', 'https://elsewhere.example.com/')],
]) {
  test(`${what} rejects with invalid_argument`, async (t) => {
    const { client } = await openPage(t)
    const error = await errorOf(call(client))
    assert.equal(error.error, 'invalid_argument')
    assert.ok(error.message.length > 20)
  })
}

test('a base URL may end in a slash', async (t) => {
  const { backEnd, wx } = await openPage(t)
  const client = createClient({ baseUrl: `${backEnd.baseUrl}/`, wx })
  await client.login()
  assert.equal(wx.calls[1].path, '/login')
})

async function picture() {
  const file = join(await mkdtemp(join(tmpdir(), 'client-')), 'avatar.jpg')
  await writeFile(file, Buffer.from([0xff, 0xd8, 0xff, 0xd9]))
  return file
}
