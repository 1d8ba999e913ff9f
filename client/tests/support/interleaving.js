// One random afternoon of a page: logins, requests, log-outs and erasures that overlap, over a
// network that loses and delays.

import { createClient } from '../../src/index.js'
import { createWx, stored } from './wx.js'

/** A small generator of random numbers (mulberry32): the same seed makes the same afternoon. */
export function random(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

const wait = (time) => new Promise((resolve) => { setTimeout(resolve, time) })

/** What happens to one request in five. */
function faults(next, pause) {
  return ({ name }) => {
    if (name === 'login' || next() > 0.2) return undefined
    const late = Math.floor(next() * pause)
    return [
      { requestLost: true },
      { requestLate: late },
      { replyLost: true },
      { replyLate: late },
      { reply: { statusCode: 503, data: { message: 'Service Unavailable' } } },
      { reply: { statusCode: 200, data: '<html></html>' } },
      { reply: { statusCode: 200, data: '' } },
    ][Math.floor(next() * 7)]
  }
}

// Well formed, and encrypted with no session's key.
const STALE = { encryptedData: Buffer.alloc(32).toString('base64'), iv: Buffer.alloc(16).toString('base64') }

const OPERATIONS = {
  login: (client) => client.login(),
  user: (client) => client.user(),
  changeUser: (client) => client.changeUser({ name: '小明' }),
  example: (client) => client.request('GET', '/example'),
  decrypt: (client) => client.decrypt(() => STALE),
  logout: (client) => client.logout(),
  logoutAll: (client) => client.logout({ all: true }),
  eraseUser: (client) => client.eraseUser(),
}
const MIX = ['login', 'login', 'login', 'user', 'user', 'changeUser', 'example', 'example', 'decrypt', 'logout', 'logoutAll', 'eraseUser']
const ENDS = ['logout', 'logoutAll', 'eraseUser']

/**
 * Runs one. Whenever the client should have no session, which is from a resolved logout or erasure
 * until the page calls `login` again, `ended(name, wx)` is asked what is wrong on the server, if
 * anything is.
 */
export async function runInterleaving({ seed, baseUrl, newCode, pause, timeout, operations, ended, restart = true }) {
  const next = random(seed)
  const wx = createWx({ newCode, fate: faults(next, pause) })
  const start = () => createClient({ baseUrl, wx, timeout, retryDelay: 1 })
  let client = start()
  const wrong = []
  const counts = { ended: 0, resolved: 0, rejected: 0 }
  // Whether nothing may bring a session back, and since which operation.
  let over
  // How many logins were called and not refused.
  let logins = 0
  const log = []
  const note = (what) => log.push(what)

  const verify = async (when) => {
    if (!over) return
    const held = stored(wx, baseUrl)
    const problem = (held && held.token ? 'a token is stored' : undefined) || await ended(over, wx)
    if (problem && over) wrong.push(`seed ${seed}: ${problem} ${when}, after ${over}; ${log.join(', ')}`)
  }

  const running = []
  for (let index = 0; index < operations; index++) {
    const name = MIX[Math.floor(next() * MIX.length)]
    note(name)
    if (name === 'login') {
      over = undefined
      logins += 1
    }
    const before = logins
    const operation = OPERATIONS[name](client).then(() => {
      counts.resolved += 1
      note(`${name} done`)
      if (!ENDS.includes(name)) return undefined
      counts.ended += 1
      // A login that was called after the end, and not refused on its account, may have opened the
      // next session.
      if (logins > before) return undefined
      over = name === 'eraseUser' || over === 'eraseUser' ? 'eraseUser' : name
      return verify('when it resolved')
    }, (error) => {
      counts.rejected += 1
      note(`${name} ${error.error || error.stack}`)
      if (name === 'login' && error.error === 'logged_out') logins -= 1
      if (!error.error) wrong.push(`seed ${seed}: ${name} rejected with ${error.stack}`)
    })
    running.push(operation)
    const time = Math.floor(next() * pause)
    if (next() < 0.3) await operation
    else if (next() < 0.7) await wait(time)
    await verify('later')
    // The user closes the mini-program and opens it again, with nothing under way.
    if (restart && next() < 0.05) {
      await Promise.all(running)
      client = start()
      note('restart')
    }
  }
  await Promise.all(running)
  await wx.quiet()
  await verify('at the end')
  return { wrong, counts, wx, client, over }
}
