// `cargo local` on free ports, and a headless Chromium.

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
// The first time it has to be compiled.
const PATIENCE = 15 * 60 * 1000

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

/** Starts it; stops it when the test ends. Resolves with the URLs of functions and playground. */
export async function startCargoLocal(t) {
  const base = await freePorts()
  // What cargo sets for its children, if it runs this, would make it compile again.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^CARGO_(PKG|MANIFEST|BIN|CRATE|PRIMARY)/.test(name)))
  const child = spawn('cargo', ['local', '--port-base', String(base)], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise((resolve) => { child.on('exit', resolve) })
  t.after(() => {
    child.kill('SIGINT')
    return ended
  })
  let said = ''
  await new Promise((resolve, reject) => {
    const fail = () => reject(new Error(`cargo local does not serve\n${said.slice(-4000)}`))
    const timer = setTimeout(fail, PATIENCE)
    ended.then(fail)
    child.on('error', reject)
    child.stderr.on('data', (chunk) => { said += chunk })
    child.stdout.on('data', (chunk) => {
      said += chunk
      if (/^Serving until/m.test(said)) {
        clearTimeout(timer)
        resolve()
      }
    })
  })
  return { functions: `http://127.0.0.1:${base}`, playground: `http://127.0.0.1:${base + 1}` }
}

/** Starts the system's Chromium; `CHROMIUM` may name it. It must not reach anything but this machine. */
export async function startBrowser(t) {
  const known = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
  const executablePath = known.find((path) => path && existsSync(path))
  if (!executablePath) throw new Error('no Chromium: install it (Debian: apt-get install chromium), or let CHROMIUM name it')
  const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update']
  const browser = await chromium.launch({ executablePath, args })
  t.after(() => browser.close())
  return browser
}
