// Compiles the sample with WeChat's own miniprogram-ci, which checks app.json, pages, WXML and WXSS
// as DevTools does, and runs 构建 npm on a project that installs the package. Nothing is uploaded;
// `npm run check-project` installs miniprogram-ci (275 MB) first. It reports that it cannot reach
// WeChat, and goes on: what it would ask there is given below.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ci = createRequire(import.meta.url)('miniprogram-ci')
const ROOT = fileURLToPath(new URL('..', import.meta.url))

const attributes = {
  platform: false,
  appType: 0,
  isSandbox: true,
  released: false,
  setting: {
    MaxCodeSize: 2,
    MaxSubpackageSubCodeSize: 2,
    MaxSubpackageFullCodeSize: 20,
    NavigateMiniprogramLimit: 10,
    MaxSubPackageLimit: 100,
    MinTabbarCount: 2,
    MaxTabbarCount: 5,
    MaxTabbarIconSize: 40,
  },
}

const folder = await mkdtemp(join(tmpdir(), 'check-project-'))

async function open(name) {
  const projectPath = join(folder, name)
  await cp(join(ROOT, 'sample'), projectPath, { recursive: true })
  // A key of our own: nothing is signed with it that anybody gets.
  const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs1', format: 'pem' })
  const privateKeyPath = join(folder, 'key.pem')
  await writeFile(privateKeyPath, key)
  const options = { appid: 'touristappid', type: 'miniProgram', projectPath, privateKeyPath, ignores: ['node_modules/**/*'] }
  return Object.assign(new ci.Project(options), { attr: async () => attributes })
}

function npm(cwd, ...options) {
  const { status, stderr } = spawnSync('npm', options, { cwd, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
}

try {
  const project = await open('compiled')
  const setting = { es6: true, es7: true, minify: true }
  const files = await ci.getCompiledResult({ project, version: '0.1.0', desc: '', setting, onProgressUpdate() {} }, join(folder, 'out.zip'))
  for (const name of ['app.json', 'client.js', 'pages/index/index.wxml', 'pages/profile/profile.js']) assert.ok(name in files, name)

  const withNpm = await open('with-npm')
  const path = join(folder, 'with-npm')
  await writeFile(join(path, 'package.json'), '{"name":"with-npm","version":"1.0.0"}')
  npm(ROOT, 'pack', '--pack-destination', folder)
  const [archive] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'))
  npm(path, 'install', '--no-audit', '--no-fund', '--offline', join(folder, archive))
  const warnings = await ci.packNpm(withNpm, { reporter() {} })
  assert.deepEqual(warnings, [])
  const packed = await readFile(join(path, 'miniprogram_npm/miniprogram-login-client/index.js'), 'utf8')
  assert.equal(packed, await readFile(join(ROOT, 'src/index.js'), 'utf8'))
  console.log('The sample compiles, and 构建 npm takes the package.')
} finally {
  await rm(folder, { recursive: true })
}
// Its worker processes would keep this one alive.
process.exit(process.exitCode)
