// The types: strict, complete for users of TypeScript, and those of the source.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const TSC = createRequire(import.meta.url).resolve('typescript/bin/tsc')

/** What the compiler complains about. */
function tsc(...options) {
  const { stdout, stderr } = spawnSync(process.execPath, [TSC, ...options], { cwd: ROOT, encoding: 'utf8' })
  return (stdout + stderr).trim()
}

/** A folder inside the package, so that its types are found. */
async function folderIn(t) {
  const folder = await mkdtemp(join(ROOT, 'node_modules', '.types-'))
  t.after(() => rm(folder, { recursive: true }))
  return folder
}

test("client and sample are strictly typed against WeChat's own typings", () => {
  assert.equal(tsc('--project', 'tsconfig.json'), '')
})

test('the committed declarations are those of the source', async (t) => {
  const folder = await folderIn(t)
  assert.equal(tsc('--project', 'tsconfig.build.json', '--outDir', folder), '')
  const same = await readFile(join(folder, 'index.d.ts'), 'utf8') === await readFile(join(ROOT, 'src/index.d.ts'), 'utf8')
  assert.ok(same, 'src/index.d.ts is old: npm run build makes it')
})

const STRICT = ['--noEmit', '--strict', '--module', 'es2020', '--moduleResolution', 'bundler', '--target', 'es2018', '--lib', 'es2018']

test('a user of TypeScript is helped without any other typings', async (t) => {
  const file = join(await folderIn(t), 'page.ts')
  await writeFile(file, `
    import { createClient, TEXTS, type ClientError, type User } from 'miniprogram-login-client'
    declare const shim: { login(o: {}): void, request(o: {}): void, getStorageSync(k: string): string, setStorageSync(k: string, v: string): void }
    const client = createClient({ baseUrl: 'https://api.example.com', wx: shim, timeout: 1000, language: 'en' })
    export const user: Promise<User> = client.user()
    export const phone: Promise<string> = client.phone({ detail: { code: 'c' } }).then((data) => data.phone)
    export const say = (error: ClientError) => error.msg + error.status + TEXTS.zh.failed
    // @ts-expect-error: the base URL is not optional.
    createClient({})
    // @ts-expect-error: a user has no such field.
    client.changeUser({ nickname: 'x' })
  `)
  assert.equal(tsc(...STRICT, file), '')
})

test("WeChat's own wx and its data fit", async (t) => {
  const file = join(await folderIn(t), 'page.ts')
  await writeFile(file, `
    import { createClient } from 'miniprogram-login-client'
    const client = createClient({ baseUrl: 'https://api.example.com', wx })
    export const steps = client.decrypt(() => wx.getWeRunData())
    export const onPhone = (event: WechatMiniprogram.ButtonGetPhoneNumber) => client.phone(event)
  `)
  assert.equal(tsc(...STRICT, '--types', 'miniprogram-api-typings', file), '')
})

test('the package is one file without dependencies, where 构建 npm looks for it', async () => {
  const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
  assert.equal(manifest.dependencies, undefined)
  assert.equal(manifest.main, `${manifest.miniprogram}/index.js`)
  assert.equal(manifest.exports['.'].default, `./${manifest.main}`)
  const source = await readFile(join(ROOT, manifest.main), 'utf8')
  assert.doesNotMatch(source, /^import |\brequire\(|\bprocess\.|\bBuffer\b|\bwindow\./m)
})

test('the lock file names no registry but npm', async () => {
  const { packages } = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8'))
  const elsewhere = Object.values(packages).filter(({ resolved }) => resolved && !resolved.startsWith('https://registry.npmjs.org/'))
  assert.deepEqual(elsewhere, [])
})
