// A back end in this process, over HTTP, with the real one's rules for sessions, replays, log-outs
// and erasures. Tests can put replies of their own in its place.

import { createHash } from 'node:crypto'
import { createServer } from 'node:http'

const REPLAY = 2 * 60 * 1000

const wait = (time) => new Promise((resolve) => { setTimeout(resolve, time) })

const ERRORS = {
  invalid_code: [400, 404, '无效的code'],
  unauthorized: [401, 401, '未登录或登录已过期'],
  session_key_stale: [409, 409, '登录态已过期，请重新登录'],
  missing_parameter: [400, 404, '缺少参数'],
}

const STALE = ['stale', Buffer.alloc(32).toString('base64')]

const ok = (data) => ({ status: 200, body: { code: 200, msg: 'ok', data } })

export function ourError(error) {
  const [status, code, msg] = ERRORS[error]
  return { status, body: { code, msg, data: null, error, request_id: 'req-1' } }
}

/** What API Gateway answers by itself. */
export const byGateway = (status, message) => ({ status, body: { message } })

export async function createBackEnd({ delay = () => 0 } = {}) {
  // Each openid's user, and when their sessions were last ended all at once; times count requests.
  const users = new Map()
  const endedAt = new Map()
  const sessions = new Map()
  const codes = new Map()
  const overrides = []
  const routes = new Map()
  const events = []
  let clock = 0
  let created = 0

  function newCode(openid = 'oAlice') {
    created += 1
    const code = `code-${created}`
    codes.set(code, { openid })
    return code
  }

  const alive = (openid) => [...sessions.entries()].filter(([, session]) => session.openid === openid && !session.ended)

  async function exchange(code, known, began) {
    await wait(delay())
    const { openid } = known
    if ((endedAt.get(openid) || 0) >= began) return ourError('invalid_code')
    const token = createHash('md5').update(code).digest('hex')
    if (!users.has(openid)) {
      users.set(openid, { openid, unionid: null, name: null, avatar: null, phone: null, countryCode: null, created_at: new Date().toISOString() })
      events.push({ event: 'user created', openid })
    }
    known.key = (known.key || 0) + 1
    sessions.set(token, { openid, at: Date.now() })
    known.token = token
    events.push({ event: 'session opened', openid, token })
    return ok({ token, openid })
  }

  async function login({ code }, began) {
    if (!code) return ourError('missing_parameter')
    const known = codes.get(code)
    if (!known) return ourError('invalid_code')
    if (!known.used) {
      known.used = exchange(code, known, began)
      return known.used
    }
    await known.used
    const session = sessions.get(known.token)
    const replayable = session && !session.ended && Date.now() - session.at < REPLAY
    return replayable ? ok({ token: known.token, openid: known.openid }) : ourError('invalid_code')
  }

  const endAll = (openid, at) => {
    endedAt.set(openid, at)
    for (const [, session] of alive(openid)) session.ended = true
  }

  async function answer(method, path, headers, body) {
    clock += 1
    const began = clock
    if (`${method} ${path}` === 'POST /login') return login(body, began)
    const token = (headers.authorization || '').replace('Bearer ', '')
    const own = routes.get(`${method} ${path}`)
    const session = () => {
      const found = sessions.get(token)
      return found && !found.ended ? found : undefined
    }
    await wait(delay())
    if (own) return own(headers)
    const current = session()
    if (path === '/example') {
      if (!token) return byGateway(401, 'Unauthorized')
      return current ? ok({ openid: current.openid }) : byGateway(403, 'Forbidden')
    }
    if (!current) return ourError('unauthorized')
    const { openid } = current
    const user = users.get(openid)
    switch (`${method} ${path}`) {
      case 'GET /user': return ok({ ...user })
      case 'PUT /user': return ok(Object.assign(user, body))
      case 'POST /user/avatar': return ok(Object.assign(user, { avatar: 'https://api.example.com/avatars/a' }))
      case 'POST /phone': return ok(Object.assign(user, { phone: '13900000000', countryCode: '86' }) && { phone: '13900000000', countryCode: '86' })
      case 'POST /decrypt': return STALE.includes(body.encryptedData) ? ourError('session_key_stale') : ok({ stepInfoList: [], got: body })
      case 'POST /logout':
        clock += 1
        if (body && body.all) endAll(openid, clock)
        else current.ended = true
        return ok(null)
      case 'DELETE /user':
        clock += 1
        endAll(openid, clock)
        users.delete(openid)
        return ok(null)
      default: return byGateway(404, 'Not Found')
    }
  }

  const server = createServer(async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    let body
    try {
      body = JSON.parse(text)
    } catch {
      body = undefined
    }
    const route = `${request.method} ${request.url}`
    const index = overrides.findIndex((override) => override.route === route)
    const override = index >= 0 ? overrides.splice(index, 1)[0].reply : undefined
    const { status, body: reply, headers = {} } = override || await answer(request.method, request.url, request.headers, body)
    const type = typeof reply === 'string' ? 'text/html' : 'application/json'
    response.writeHead(status, { 'content-type': type, ...headers })
    response.end(typeof reply === 'string' ? reply : JSON.stringify(reply))
  })
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve) })

  return {
    baseUrl: `http://127.0.0.1:${server.address().port}`,
    users,
    events,
    newCode,
    alive,
    /** Answers the next requests to a route with these, one each. */
    next(route, ...replies) {
      for (const reply of replies) overrides.push({ route, reply })
    },
    /** A route of the team's own: its function takes the headers. */
    route: (name, reply) => routes.set(name, reply),
    /** Ends all sessions, as if they had expired. */
    expire(openid) {
      for (const [, session] of alive(openid)) session.ended = true
    },
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => { server.close(resolve) })
    },
  }
}
