// A `wx` shim for Node and a network that can lose and delay what goes through it. Every call is
// recorded.

import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'

const later = (time, run) => setTimeout(run, time)

/**
 * `newCode` gives the codes of `wx.login`. `fate(call)` says what happens to a request:
 * `undefined`, or an object with `requestLost` (it never arrives), `requestLate` (ms; the page
 * hears of a failure at once), `replyLost`, `replyLate` (ms), or `reply` (`{ statusCode, data }` in
 * place of the real one, which was carried out).
 */
export function createWx({ newCode, fate = () => undefined, storage = new Map() }) {
  const calls = []
  const replies = []
  const flying = new Set()

  /**
   * Sends a request, and keeps track of it until the server has answered, whatever the page knows
   * by then.
   */
  function carry(method, url, header, body) {
    const request = fetch(url, { method, headers: header, body })
      .then(async (reply) => {
        const text = await reply.text()
        let data = text
        try {
          data = JSON.parse(text)
        } catch { /* As wx does it: what is no JSON stays text. */ }
        const result = { statusCode: reply.status, data, header: Object.fromEntries(reply.headers), text }
        replies.push({ method, url, ...result })
        return result
      })
    const done = () => flying.delete(request)
    flying.add(request)
    request.then(done, done)
    return request
  }

  function transfer({ name, method, url, header, body, timeout, success, fail, asText }) {
    const call = { name, method, path: new URL(url).pathname, header, timeout, at: Date.now() }
    calls.push(call)
    const fated = fate(call) || {}
    const lost = () => fail && fail({ errMsg: `${name}:fail lost` })
    if (fated.requestLost) {
      later(1, lost)
    } else if (fated.requestLate !== undefined) {
      const sent = new Promise((resolve) => { later(fated.requestLate, resolve) })
      flying.add(sent)
      sent.then(() => carry(method, url, header, body).catch(() => {})).then(() => flying.delete(sent))
      later(1, lost)
    } else {
      carry(method, url, header, body).then((reply) => {
        if (fated.replyLost) return lost()
        const given = fated.reply ? { header: {}, ...fated.reply } : reply
        const data = asText && fated.reply === undefined ? reply.text : given.data
        return later(fated.replyLate || 0, () => success({ ...given, data }))
      }, lost)
    }
    return { abort() { call.aborted = true } }
  }

  return {
    calls,
    replies,
    storage,
    /** The calls as `METHOD /path`. */
    sent: () => calls.map(({ method, path, name }) => (name === 'login' ? 'wx.login' : `${method} ${path}`)),
    count: (what) => calls.filter(({ method, path, name }) => what === (name === 'login' ? 'wx.login' : `${method} ${path}`)).length,
    /** Waits until nothing is on its way any more. */
    async quiet() {
      while (flying.size) await Promise.allSettled(flying)
    },
    login({ success, fail }) {
      calls.push({ name: 'login', at: Date.now() })
      Promise.resolve().then(newCode).then((code) => success({ code, errMsg: 'login:ok' }), (error) => fail({ errMsg: `login:fail ${error.message}` }))
    },
    request({ url, method, data, header, timeout, success, fail }) {
      const body = method === 'GET' || data === undefined ? undefined : JSON.stringify(data)
      return transfer({
        name: 'request', method, url, header: { 'content-type': 'application/json', ...header }, body, timeout, success, fail,
      })
    },
    uploadFile({ url, filePath, name, header, timeout, success, fail }) {
      const boundary = randomUUID()
      const task = { abort() {} }
      readFile(filePath).then((bytes) => {
        const head = `--${boundary}\r\nContent-Disposition: form-data; name="${name}"; filename="tmp.jpg"\r\n`
          + 'Content-Type: image/jpeg\r\n\r\n'
        const body = Buffer.concat([Buffer.from(head), bytes, Buffer.from(`\r\n--${boundary}--\r\n`)])
        const type = { 'content-type': `multipart/form-data; boundary=${boundary}` }
        transfer({ name: 'uploadFile', method: 'POST', url, header: { ...type, ...header }, body, timeout, success, fail, asText: true })
      }, () => fail({ errMsg: 'uploadFile:fail file not found' }))
      return task
    },
    getStorageSync: (key) => (storage.has(key) ? storage.get(key) : ''),
    setStorageSync: (key, value) => { storage.set(key, value) },
    removeStorageSync: (key) => { storage.delete(key) },
  }
}

/** What the client keeps for this base URL. */
export function stored(wx, baseUrl) {
  const text = wx.storage.get(`miniprogram-login-client ${baseUrl}`)
  return text ? JSON.parse(text) : undefined
}
