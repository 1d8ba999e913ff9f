// The one client of the mini-program.

import { createClient } from './client'

/** @type {'zh' | 'en'} */
export const language = wx.getAppBaseInfo().language.startsWith('zh') ? 'zh' : 'en'

// `cargo local` serves here. A published mini-program needs https and a domain that is registered
// in WeChat's console.
export const client = createClient({ baseUrl: 'http://127.0.0.1:9000', language })
