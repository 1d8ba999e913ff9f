// A thousand random interleavings against a back end with our rules in this process.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBackEnd } from './support/back_end.js'
import { random, runInterleaving } from './support/interleaving.js'

const RUNS = 1000
const AT_ONCE = 20

test(`in ${RUNS} interleavings no session outlives a logout or erasure, and no user an erasure`, async (t) => {
  const delays = random(7)
  const backEnd = await createBackEnd({ delay: () => Math.floor(delays() * 4) })
  t.after(() => backEnd.close())
  const total = { ended: 0, resolved: 0, rejected: 0 }
  const wrong = []
  const seeds = Array.from({ length: RUNS }, (_, seed) => seed)
  const worker = async () => {
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
      const openid = `oUser${seed}`
      const run = await runInterleaving({
        seed,
        baseUrl: backEnd.baseUrl,
        newCode: () => backEnd.newCode(openid),
        pause: 12,
        timeout: 400,
        operations: 12,
        ended(name) {
          if (backEnd.alive(openid).length) return 'a session is alive'
          return name === 'eraseUser' && backEnd.users.has(openid) ? 'the user exists' : undefined
        },
      })
      wrong.push(...run.wrong)
      for (const key of Object.keys(total)) total[key] += run.counts[key]
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  assert.deepEqual(wrong.slice(0, 5), [], `${wrong.length} in all`)
  // The afternoons are worth something only if things both work and fail in them.
  t.diagnostic(JSON.stringify(total))
  assert.ok(total.ended > RUNS / 2 && total.rejected > RUNS && total.resolved > RUNS, JSON.stringify(total))
})
