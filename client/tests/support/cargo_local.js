// The real back end: `cargo local` on free ports.

import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
// The first time it has to be compiled.
const PATIENCE = 15 * 60 * 1000

const wait = (time) => new Promise((resolve) => { setTimeout(resolve, time) })

const free = (port) => new Promise((resolve) => {
  const server = createServer()
  server.once('error', () => resolve(false))
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
})

async function freePorts() {
  for (;;) {
    const base = 20000 + Math.floor(Math.random() * 20000)
    const ports = await Promise.all([base, base + 1, base + 2].map(free))
    if (ports.every(Boolean)) return base
  }
}

/** Starts it, and stops it when the test ends. */
export async function startCargoLocal(t, options = []) {
  const base = await freePorts()
  // What cargo sets for its children, if it runs this, would make it compile again.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^CARGO_(PKG|MANIFEST|BIN|CRATE|PRIMARY)/.test(name)))
  const child = spawn('cargo', ['local', '--port-base', String(base), ...options], { cwd: ROOT, env, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  let over
  child.stderr.on('data', (chunk) => { said = (said + chunk).slice(-4000) })
  child.on('error', (error) => { over = error.message })
  child.on('exit', (code) => { over = `ended with ${code}` })
  t.after(() => new Promise((resolve) => {
    if (over) return resolve()
    child.on('exit', resolve)
    return child.kill('SIGINT')
  }))

  const baseUrl = `http://127.0.0.1:${base}`
  const wechat = `http://127.0.0.1:${base + 1}`
  const began = Date.now()
  for (;;) {
    if (over) throw new Error(`cargo local ${over}\n${said}`)
    if (Date.now() - began > PATIENCE) throw new Error(`cargo local does not answer\n${said}`)
    const reply = await fetch(`${baseUrl}/user`).catch(() => undefined)
    if (reply && reply.status === 401) break
    await wait(200)
  }

  async function control(path, body) {
    const reply = await fetch(`${wechat}/_control/${path}`, { method: 'POST', body: JSON.stringify(body) })
    if (!reply.ok) throw new Error(`${path}: ${reply.status} ${await reply.text()}`)
    return reply.status === 204 ? undefined : reply.json()
  }

  return {
    baseUrl,
    newCode: async (openid) => (await control('login-codes', { openid })).code,
    newPhoneCode: async (openid, phone) => (await control('phone-codes', { openid, phone })).code,
    clientData: (openid, data) => control('client-data', { openid, data }),
    forward: (seconds) => control('clock', { advance_seconds: seconds }),
    /** What the back end says of a token. */
    async statusOf(token) {
      const reply = await fetch(`${baseUrl}/user`, { headers: { Authorization: `Bearer ${token}` } })
      await reply.arrayBuffer()
      return reply.status
    },
  }
}
