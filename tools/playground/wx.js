// What a mini-program needs of `wx`, in a browser. The requests go to the functions through this page's own address.

const FUNCTIONS = '/_playground/functions'

const control = async (what, body) => {
  const reply = await fetch(`/_control/${what}`, { method: 'POST', body: JSON.stringify(body) })
  if (!reply.ok) throw new Error(await reply.text())
  return reply.json()
}

/** Each user has a number of their own, always the same. */
export function phoneOf(openid) {
  const sum = [...openid].reduce((sum, c) => (sum * 31 + c.codePointAt(0)) % 1e8, 7)
  return `139${String(sum).padStart(8, '0')}`
}

/**
 * `ui` shows toasts, dialogs and sheets, and changes pages.
 * @param {{ openid: string, language: string, ui: any }} options
 */
export function createWx({ openid, language, ui }) {
  const key = (name) => `wx ${openid} ${name}`

  function send(name, { url, method = 'GET', header = {}, body, timeout, success, fail }) {
    const abort = new AbortController()
    const timer = timeout && setTimeout(() => abort.abort(), timeout)
    const path = url.replace(/^https?:\/\/[^/]+/, FUNCTIONS)
    fetch(path, { method, headers: header, body, signal: abort.signal, cache: 'no-store' })
      .then(async (reply) => ({ text: await reply.text(), reply }))
      .finally(() => clearTimeout(timer))
      .then(({ text, reply }) => {
        let data = text
        try {
          if (name === 'request') data = JSON.parse(text)
        } catch { /* As wx does it: what is no JSON stays text. */ }
        return success({ statusCode: reply.status, data, header: Object.fromEntries(reply.headers), errMsg: `${name}:ok` })
      }, (lost) => fail({ errMsg: `${name}:fail ${lost.message}` }))
    return { abort: () => abort.abort() }
  }

  return {
    login({ success, fail }) {
      control('login-codes', { openid }).then(({ code }) => success({ code, errMsg: 'login:ok' }), (lost) => fail({ errMsg: `login:fail ${lost.message}` }))
    },
    request({ method = 'GET', data, header, ...rest }) {
      const body = method === 'GET' || data === undefined ? undefined : JSON.stringify(data)
      return send('request', { ...rest, method, header: { 'content-type': 'application/json', ...header }, body })
    },
    uploadFile({ filePath, name, ...rest }) {
      const task = { abort() {} }
      fetch(filePath).then((file) => file.blob()).then((file) => {
        const body = new FormData()
        body.append(name, file, 'avatar.png')
        Object.assign(task, send('uploadFile', { ...rest, method: 'POST', body }))
      }, (lost) => rest.fail({ errMsg: `uploadFile:fail ${lost.message}` }))
      return task
    },
    async getWeRunData() {
      const timestamp = Math.floor(Date.now() / 1000)
      const data = { stepInfoList: [{ timestamp: timestamp - 86400, step: 7512 }, { timestamp, step: 10024 }] }
      try {
        return { ...await control('client-data', { openid, data }), errMsg: 'getWeRunData:ok' }
      } catch (lost) {
        throw Object.assign(lost, { errMsg: `getWeRunData:fail ${lost.message}` })
      }
    },
    getStorageSync: (name) => localStorage.getItem(key(name)) ?? '',
    setStorageSync: (name, value) => localStorage.setItem(key(name), value),
    removeStorageSync: (name) => localStorage.removeItem(key(name)),
    getAppBaseInfo: () => ({ language: language === 'zh' ? 'zh_CN' : 'en' }),
    showToast: ({ title }) => ui.toast(title),
    showModal: ({ title, content }) => ui.modal(title, content).then((confirm) => ({ confirm, cancel: !confirm })),
    openPrivacyContract: () => ui.privacy(),
    navigateTo: ({ url }) => ui.open(url),
    navigateBack: () => ui.back(),
    reLaunch: ({ url }) => ui.open(url, true),
  }
}

/** The `detail` of a tap on the phone button. */
export async function phoneDetail(openid, allowed) {
  if (!allowed) return { errMsg: 'getPhoneNumber:fail user deny', errno: 103 }
  return { ...await control('phone-codes', { openid, phone: phoneOf(openid) }), errMsg: 'getPhoneNumber:ok' }
}
