// What the client promises about sessions. "Before" says what the page code that users pasted until
// now did.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { byGateway } from './support/back_end.js'
import { errorOf, fates, LOST, openPage, REPLY_LOST } from './support/page.js'
import { createWx } from './support/wx.js'
import { createClient } from '../src/index.js'

const REFUSALS = [
  [403, { error: 'not_your_order', msg: '这不是您的订单' }],
  [401, { code: 401, msg: 'sign the contract first' }],
  // What an Express application answers cannot be told from API Gateway's own body.
  [403, { message: 'not your order' }],
]

for (const [status, body] of REFUSALS) {
  test(`a ${status} ${JSON.stringify(body)} of the team's own route goes to the page and costs no login`, async (t) => {
    // Before: every 401 and 403 was a new login, and each login may push another device out.
    const { backEnd, wx, client } = await openPage(t)
    backEnd.route('GET /orders', () => ({ status, body }))
    await client.login()
    for (let time = 0; time < 22; time++) {
      const error = await errorOf(client.request('GET', '/orders'))
      assert.equal(error.status, status)
      assert.deepEqual(error.body, body)
    }
    assert.equal(wx.count('wx.login'), 1)
    assert.equal(backEnd.alive('oAlice').length, 1)
  })
}

test("API Gateway's refusal of an ended session is answered with a login, and the request is sent again", async (t) => {
  const { backEnd, wx, client } = await openPage(t)
  await client.login()
  backEnd.expire('oAlice')
  const body = await client.request('GET', '/example')
  assert.equal(body.data.openid, 'oAlice')
  assert.equal(wx.count('wx.login'), 2)
})

test('our own unauthorized is answered with a login, and the request is sent again', async (t) => {
  const { backEnd, wx, client } = await openPage(t)
  await client.login()
  backEnd.expire('oAlice')
  assert.equal((await client.user()).openid, 'oAlice')
  assert.deepEqual(wx.sent(), ['wx.login', 'POST /login', 'GET /user', 'wx.login', 'POST /login', 'GET /user'])
})

test('a session that is refused at once after its login is not opened a third time', async (t) => {
  const { backEnd, wx, client } = await openPage(t)
  const unauthorized = { status: 401, body: { code: 401, msg: '', data: null, error: 'unauthorized', request_id: 'r' } }
  backEnd.next('GET /user', unauthorized, unauthorized, unauthorized)
  assert.equal((await errorOf(client.user())).error, 'unauthorized')
  assert.equal(wx.count('POST /login'), 2)
})

test('logout waits for a login that is under way and ends its session', async (t) => {
  // Before: logout found no token, resolved, and the login stored one afterwards.
  const { backEnd, client, stored } = await openPage(t, { delay: () => 10 })
  const login = client.login()
  await client.logout()
  await login
  assert.equal(backEnd.alive('oAlice').length, 0)
  assert.equal(stored().token, undefined)
})

test('eraseUser waits for a login that is under way and erases its user', async (t) => {
  const { backEnd, client } = await openPage(t, { delay: () => 10 })
  client.login()
  await client.eraseUser()
  assert.equal(backEnd.users.size, 0)
})

test('a request in flight while the user is erased does not create the user again', async (t) => {
  // Before: its `unauthorized` made it log in, which created the user.
  const { backEnd, wx, client } = await openPage(t)
  await client.login()
  wx.request = slowly(wx.request, 'GET /example')
  const request = errorOf(client.request('GET', '/example'))
  await client.eraseUser()
  assert.equal((await request).error, 'logged_out')
  assert.equal(backEnd.users.size, 0)
  assert.equal(wx.count('wx.login'), 1)
})

test("a reply that arrives after a logout does not bring the user's data back to the page", async (t) => {
  const { client } = await openPage(t, { fate: fates({ 'GET /user': [{ replyLate: 40 }] }) })
  await client.login()
  const user = errorOf(client.user())
  await client.logout()
  assert.equal((await user).error, 'logged_out')
})

test('after a logout requests do not log in by themselves, until the page calls login', async (t) => {
  // Before: the page's next request logged the user in again.
  const { wx, client } = await openPage(t)
  await client.login()
  await client.logout()
  assert.equal((await errorOf(client.user())).error, 'logged_out')
  assert.equal(wx.count('wx.login'), 1)
  assert.equal(client.isLoggedIn(), false)
  await client.login()
  assert.equal((await client.user()).openid, 'oAlice')
})

test('a logout is remembered when the mini-program starts again', async (t) => {
  const { backEnd, wx, client } = await openPage(t)
  await client.login()
  await client.logout()
  const restarted = createClient({ baseUrl: backEnd.baseUrl, wx })
  assert.equal((await errorOf(restarted.user())).error, 'logged_out')
})

test('a login during a logout is refused', async (t) => {
  const { client } = await openPage(t)
  await client.login()
  const logout = client.logout()
  assert.equal((await errorOf(client.login())).error, 'logged_out')
  await logout
})

test('a login whose reply was lost leaves no session behind after a logout', async (t) => {
  const lost = Array(4).fill(REPLY_LOST)
  const { backEnd, client } = await openPage(t, { fate: fates({ 'POST /login': lost }) })
  assert.equal((await errorOf(client.login())).error, 'unavailable')
  assert.equal(backEnd.alive('oAlice').length, 1)
  await client.logout()
  assert.equal(backEnd.alive('oAlice').length, 0)
})

test('a login that was under way when the mini-program was closed leaves no session behind either', async (t) => {
  const { backEnd, wx, client } = await openPage(t, { fate: fates({ 'POST /login': [{ replyLate: 300 }] }) })
  const login = errorOf(client.login())
  while (backEnd.alive('oAlice').length === 0) await new Promise((resolve) => { setTimeout(resolve, 5) })
  const restarted = createClient({ baseUrl: backEnd.baseUrl, wx })
  await restarted.logout()
  assert.equal(backEnd.alive('oAlice').length, 0)
  assert.equal((await login).error, 'logged_out')
})

test('a logout that cannot find out about a lost login does not claim to be done', async (t) => {
  const { client } = await openPage(t, { fate: fates({ 'POST /login': [...Array(4).fill(REPLY_LOST), ...Array(4).fill(LOST)] }) })
  await errorOf(client.login())
  assert.equal((await errorOf(client.logout())).error, 'unavailable')
  await client.logout()
})

test('a lost reply to eraseUser is confirmed by the repetition, without a login', async (t) => {
  // Before: the repetition's `unauthorized` made it log in, create the user and erase again.
  const { backEnd, wx, client, stored } = await openPage(t, { fate: fates({ 'DELETE /user': [REPLY_LOST] }) })
  await client.login()
  await client.eraseUser()
  assert.equal(backEnd.users.size, 0)
  assert.deepEqual(wx.sent(), ['wx.login', 'POST /login', 'DELETE /user', 'DELETE /user'])
  assert.equal(stored().token, undefined)
})

for (const all of [false, true]) {
  test(`a lost reply to logout({ all: ${all} }) is confirmed by the repetition, without a login`, async (t) => {
    // Before, for all: logged in, and out again everywhere.
    const { backEnd, wx, client } = await openPage(t, { fate: fates({ 'POST /logout': [REPLY_LOST] }) })
    await client.login()
    await client.logout({ all })
    assert.equal(backEnd.alive('oAlice').length, 0)
    assert.equal(wx.count('wx.login'), 1)
  })
}

test('an erasure that was lost altogether is confirmed by the next call, even after a restart', async (t) => {
  const { backEnd, wx, client } = await openPage(t, { fate: fates({ 'DELETE /user': Array(4).fill(REPLY_LOST) }) })
  await client.login()
  assert.equal((await errorOf(client.eraseUser())).error, 'unavailable')
  const restarted = createClient({ baseUrl: backEnd.baseUrl, wx })
  await restarted.eraseUser()
  assert.equal(backEnd.users.size, 0)
  assert.equal(wx.count('wx.login'), 1)
})

test('a request after an erasure that nobody confirmed does not create the user again', async (t) => {
  const { backEnd, wx, client } = await openPage(t, { fate: fates({ 'DELETE /user': Array(4).fill(REPLY_LOST) }) })
  await client.login()
  await errorOf(client.eraseUser())
  assert.equal((await errorOf(client.user())).error, 'logged_out')
  assert.equal(backEnd.users.size, 0)
  assert.equal(wx.count('wx.login'), 1)
})

test('eraseUser with a session that ended long ago rejects, as the user is still there', async (t) => {
  const { backEnd, wx, client } = await openPage(t)
  await client.login()
  backEnd.expire('oAlice')
  assert.equal((await errorOf(client.eraseUser())).error, 'unauthorized')
  assert.equal(wx.count('wx.login'), 1)
  assert.equal(backEnd.users.size, 1)
  await client.login()
  await client.eraseUser()
  assert.equal(backEnd.users.size, 0)
})

test('a lost logout does not count as the confirmation of an erasure', async (t) => {
  const { backEnd, client } = await openPage(t, { fate: fates({ 'POST /logout': Array(4).fill(REPLY_LOST) }) })
  await client.login()
  await errorOf(client.logout())
  assert.equal((await errorOf(client.eraseUser())).error, 'unauthorized')
  assert.equal(backEnd.users.size, 1)
})

test('what was lost before another login does not count as the confirmation of an erasure', async (t) => {
  const { backEnd, client } = await openPage(t, {
    fate: fates({ 'DELETE /user': Array(8).fill(LOST), 'POST /logout': Array(4).fill({ requestLate: 1 }) }),
  })
  await client.login()
  await errorOf(client.eraseUser())
  await errorOf(client.logout())
  await client.login()
  assert.equal((await errorOf(client.eraseUser())).error, 'unavailable')
  assert.equal((await errorOf(client.eraseUser())).error, 'unauthorized')
  assert.equal(backEnd.users.size, 1)
})

test('eraseUser without a session rejects and does not log in', async (t) => {
  const { wx, client } = await openPage(t)
  assert.equal((await errorOf(client.eraseUser())).error, 'logged_out')
  assert.deepEqual(wx.sent(), [])
})

test('logout without a session resolves without a request', async (t) => {
  const { wx, client } = await openPage(t)
  await client.logout()
  assert.deepEqual(wx.sent(), [])
})

test('logout of a session that has ended resolves', async (t) => {
  const { backEnd, wx, client } = await openPage(t)
  await client.login()
  backEnd.expire('oAlice')
  await client.logout()
  assert.equal(wx.count('wx.login'), 1)
})

test('a logout of all and an erasure at once are carried out one after the other', async (t) => {
  const { backEnd, client } = await openPage(t)
  await client.login()
  const [first, second] = await Promise.allSettled([client.eraseUser(), client.logout({ all: true })])
  assert.equal(first.status, 'fulfilled')
  assert.equal(second.reason.error, 'logged_out')
  assert.equal(backEnd.users.size, 0)
})

test('twenty requests that find out at once that there is no session share one login', async (t) => {
  const { wx, client } = await openPage(t)
  await Promise.all(Array.from({ length: 20 }, () => client.request('GET', '/example')))
  assert.equal(wx.count('wx.login'), 1)
  assert.equal(wx.count('POST /login'), 1)
})

test('twenty requests that find out at once that the session has ended share one login', async (t) => {
  const { backEnd, wx, client } = await openPage(t)
  await client.login()
  backEnd.expire('oAlice')
  await Promise.all(Array.from({ length: 20 }, (_, n) => (n % 2 ? client.user() : client.request('GET', '/example'))))
  assert.equal(wx.count('wx.login'), 2)
})

test('a lost reply to a login is asked for again with the same code', async (t) => {
  const { backEnd, wx, client } = await openPage(t, { fate: fates({ 'POST /login': [REPLY_LOST, LOST, REPLY_LOST] }) })
  await client.login()
  assert.equal(wx.count('wx.login'), 1)
  assert.equal(backEnd.alive('oAlice').length, 1)
})

test('a code that WeChat does not accept is replaced by a new one', async (t) => {
  const { backEnd, wx, client } = await openPage(t)
  const refused = { status: 400, body: { code: 404, msg: '无效的code', data: null, error: 'invalid_code', request_id: 'r' } }
  backEnd.next('POST /login', refused)
  await client.login()
  assert.equal(wx.count('wx.login'), 2)
})

test('after a 502 a login goes on with a new code', async (t) => {
  const { backEnd, wx, client } = await openPage(t)
  const busy = { status: 502, body: { code: 502, msg: '', data: null, error: 'wechat_unavailable', request_id: 'r' } }
  backEnd.next('POST /login', busy)
  await client.login()
  assert.equal(wx.count('wx.login'), 2)
})

test('login keeps the session that there is', async (t) => {
  const { wx, client } = await openPage(t)
  await client.login()
  assert.deepEqual(await client.login(), { openid: 'oAlice' })
  assert.equal(wx.count('wx.login'), 1)
})

test('each base URL has a session of its own', async (t) => {
  // Before: the token of the test environment went to the production one.
  const one = await openPage(t)
  const other = await openPage(t, { storage: one.wx.storage })
  await one.client.login()
  assert.equal(other.client.isLoggedIn(), false)
  await other.client.login()
  assert.notEqual(one.stored().token, undefined)
  await one.client.logout()
  assert.equal(other.client.isLoggedIn(), true)
})

test('what one user began is not carried out for the next user of the device', async (t) => {
  const { backEnd, wx, client } = await openPage(t)
  await client.login()
  backEnd.expire('oAlice')
  wx.login = ({ success }) => success({ code: backEnd.newCode('oBob') })
  assert.equal((await errorOf(client.changeUser({ name: 'Alice' }))).error, 'logged_out')
  assert.equal(backEnd.users.get('oBob').name, null)
  assert.equal((await client.user()).openid, 'oBob')
})

test('a logout in one window ends a login in another', async (t) => {
  const { backEnd, wx, client, stored } = await openPage(t)
  const other = createClient({ baseUrl: backEnd.baseUrl, wx })
  const login = errorOf(client.login())
  await other.logout()
  assert.equal((await login).error, 'logged_out')
  assert.equal(stored().token, undefined)
  assert.equal(backEnd.alive('oAlice').length, 0)
})

test('a full storage does not keep anybody from logging in', async (t) => {
  const { wx, client } = await openPage(t)
  wx.setStorageSync = () => { throw new Error('setStorageSync:fail exceed storage max size') }
  await client.login()
  assert.equal((await client.user()).openid, 'oAlice')
  assert.equal(wx.count('wx.login'), 1)
  await client.logout()
  assert.equal(client.isLoggedIn(), false)
})

test('a mini-program of several names itself at the login', async (t) => {
  const { backEnd } = await openPage(t)
  const wx = createWx({ newCode: () => backEnd.newCode() })
  let body
  const request = wx.request.bind(wx)
  wx.request = (options) => { body = options.data; return request(options) }
  await createClient({ baseUrl: backEnd.baseUrl, wx, appid: 'wx0123456789abcdef' }).login()
  assert.equal(body.appid, 'wx0123456789abcdef')
})

test('the token of a login is never part of an error', async (t) => {
  const { backEnd, client, stored } = await openPage(t)
  await client.login()
  backEnd.next('GET /user', byGateway(404, 'Not Found'))
  const error = await errorOf(client.user())
  assert.equal(`${error.stack}${JSON.stringify(error)}`.includes(stored().token), false)
})

/** Holds requests to this route back for a while. */
function slowly(request, route) {
  return (options) => {
    if (`${options.method} ${new URL(options.url).pathname}` !== route) return request(options)
    setTimeout(() => request(options), 40)
    return undefined
  }
}
