// A page with its client, a shim and a back end in this process.

import { createClient } from '../../src/index.js'
import { createBackEnd } from './back_end.js'
import { createWx, stored } from './wx.js'

/** `t` closes the back end when its test ends. */
export async function openPage(t, { fate, options = {}, backEnd: given, storage, delay } = {}) {
  const backEnd = given || await createBackEnd({ delay })
  if (!given) t.after(() => backEnd.close())
  const wx = createWx({ newCode: () => backEnd.newCode(), fate, storage })
  const client = createClient({ baseUrl: backEnd.baseUrl, wx, retryDelay: 1, ...options })
  return { backEnd, wx, client, stored: () => stored(wx, backEnd.baseUrl) }
}

/** The error that a call rejects with. */
export async function errorOf(promise) {
  const outcome = await promise.then((value) => ({ value }), (error) => ({ error }))
  if (!('error' in outcome)) throw new Error(`resolved with ${JSON.stringify(outcome.value)}`)
  return outcome.error
}

/** What a request's fate is, by the routes of its first, second, … sending. */
export function fates(table) {
  const left = Object.fromEntries(Object.entries(table).map(([route, list]) => [route, [...list]]))
  return ({ method, path, name }) => {
    const list = left[name === 'uploadFile' ? `upload ${path}` : `${method} ${path}`]
    return list && list.length ? list.shift() : undefined
  }
}

export const LOST = { requestLost: true }
export const REPLY_LOST = { replyLost: true }
