// The mini-program's side of the back end: log in, call routes, log out, delete the account.
// One file without dependencies: install the package, or copy this file into your project.

/**
 * What the client needs of `wx`; `Taro` and `uni` have it too, and a browser can have a shim.
 * @typedef {object} Platform
 * @property {(options: any) => any} login
 * @property {(options: any) => any} request
 * @property {(options: any) => any} [uploadFile] Needed by `avatar` only.
 * @property {(key: string) => any} getStorageSync
 * @property {(key: string, value: any) => any} setStorageSync
 */

/**
 * @typedef {object} Options
 * @property {string} baseUrl Where the back end is, such as `https://api.example.com`.
 * @property {Platform} [wx] `Taro`, `uni` or a shim; the global `wx` if absent.
 * @property {string} [appid] Which mini-program this is, where one back end serves several.
 * @property {number} [timeout] Milliseconds that a call may take with all its retries; 20,000 if
 * absent.
 * @property {number} [retryDelay] Milliseconds before the first retry; 500 if absent.
 * @property {'zh' | 'en'} [language] Language of `msg` in errors; `zh` if absent.
 */

/**
 * What every call rejects with. `error` is a name of the HTTP contract or one of `user_denied`,
 * `logged_out`, `wechat_refused`, `forbidden`, `not_found`, `failed` and `invalid_argument`.
 * @typedef {Error & {
 *   error: string,
 *   status: number,
 *   msg: string,
 *   requestId: string | undefined,
 *   body: any,
 *   detail: string | undefined,
 * }} ClientError
 */

/**
 * @typedef {object} User
 * @property {string} openid
 * @property {string | null} unionid
 * @property {string | null} name
 * @property {string | null} avatar
 * @property {string | null} phone
 * @property {string | null} countryCode
 * @property {string} created_at
 */

/**
 * What WeChat's client encrypts, as `wx.getWeRunData()` and the like resolve with.
 * @typedef {{ encryptedData: string, iv: string, rawData?: string, signature?: string }} Encrypted
 */

/**
 * What is stored, per base URL. The generation counts the log-outs: what began in an earlier one
 * stores nothing. `asked` is the weakest end that this token was sent with and that nobody
 * confirmed. A code in doubt may have opened a session, as its reply was lost.
 * @typedef {object} State
 * @property {number} generation
 * @property {string} [token]
 * @property {string} [openid]
 * @property {boolean} [loggedOut]
 * @property {number} [asked]
 * @property {{ code: string, since: number }} [codeInDoubt]
 */

/**
 * One call of the page.
 * @typedef {{ until: number, generation: number }} Call
 */

// How much a call ends. `unauthorized` confirms a retry only if all that was sent before ends at
// least as much. A renewal ends the session without the user having asked for it.
const RENEWAL = 1
const SESSION = 2
const ALL_SESSIONS = 3
const USER = 4

const TRIES = 4
const CODES = 3
// WeChat forgets a code after five minutes: from then on it opens no session any more.
const CODE_LIFE = 5 * 60 * 1000

/**
 * Texts that a page may show to its users, by language and name of the error.
 * @type {Record<'zh' | 'en', Record<string, string>>}
 */
export const TEXTS = {
  zh: {
    user_denied: '您已取消授权',
    logged_out: '请先登录',
    unauthorized: '登录已过期，请重新登录',
    invalid_code: '授权已失效，请重试',
    invalid_field: '内容不符合要求，请修改后再试',
    content_refused: '内容未通过安全检查，请更换',
    user_blocked: '该账号暂时无法登录',
    code_mismatch: '该授权不属于当前用户，请重试',
    session_key_stale: '登录状态已更新，请重试',
    body_too_large: '内容过大',
    rate_limited: '操作过于频繁，请稍后再试',
    wechat_unavailable: '微信服务繁忙，请稍后再试',
    wechat_refused: '微信暂不支持此操作',
    misconfigured: '服务暂不可用，请稍后再试',
    unavailable: '网络异常，请稍后再试',
    forbidden: '没有权限',
    not_found: '内容不存在',
    failed: '操作失败，请稍后再试',
  },
  en: {
    user_denied: 'You declined the authorization.',
    logged_out: 'Please log in first.',
    unauthorized: 'Your session has expired. Please log in again.',
    invalid_code: 'The authorization has expired. Please try again.',
    invalid_field: 'Please check what you entered.',
    content_refused: 'This content is not allowed. Please choose something else.',
    user_blocked: 'This account cannot log in at the moment.',
    code_mismatch: 'This authorization belongs to another user. Please try again.',
    session_key_stale: 'Your session was renewed. Please try again.',
    body_too_large: 'This is too large.',
    rate_limited: 'Too many requests. Please try again in a minute.',
    wechat_unavailable: 'WeChat is busy. Please try again later.',
    wechat_refused: 'WeChat does not support this at the moment.',
    misconfigured: 'The service is not available. Please try again later.',
    unavailable: 'No connection. Please try again later.',
    forbidden: 'You have no access to this.',
    not_found: 'This does not exist.',
    failed: 'That did not work. Please try again later.',
  },
}

/**
 * Creates the client. One for the whole app is enough, in a module of its own.
 * @param {Options} options
 */
export function createClient(options) {
  const { baseUrl, platform, appid, timeout, retryDelay, language } = checked(options)
  const key = `miniprogram-login-client ${baseUrl}`

  /** @type {State | undefined} What could not be stored. */
  let unstored
  /** @type {Promise<{ openid: string }> | undefined} */
  let loginUnderWay
  /** @type {Promise<void> | undefined} */
  let ending

  /** @returns {State} */
  function load() {
    if (unstored) return unstored
    try {
      const state = JSON.parse(platform.getStorageSync(key))
      if (state && typeof state.generation === 'number') return state
    } catch (nothing) {
      // Nothing is stored yet, or something that is not ours.
    }
    return { generation: 0 }
  }

  /** @param {State} state */
  function save(state) {
    unstored = undefined
    try {
      platform.setStorageSync(key, JSON.stringify(state))
    } catch (full) {
      unstored = state
    }
  }

  /** Forgets a session that has ended, unless there is another one by now. @param {string} token */
  function forget(token) {
    const { generation, token: current, openid } = load()
    if (current === token) save({ generation, openid })
  }

  /** @param {State} state */
  const saveLoggedOut = (state) => save({ generation: state.generation + 1, loggedOut: true })

  /**
   * @param {string} error
   * @param {Partial<Pick<ClientError, 'status' | 'msg' | 'requestId' | 'body' | 'detail'>>} [more]
   * @returns {ClientError}
   */
  function failure(error, more = {}) {
    const texts = TEXTS[language]
    const { status = 0, requestId, body, detail } = more
    const msg = texts[error] || more.msg || texts.failed
    return Object.assign(new Error(detail ? `${error}: ${detail}` : error), { error, status, msg, requestId, body, detail })
  }

  const loggedOut = () => failure('logged_out')

  /** @param {unknown} condition @param {string} detail @returns {asserts condition} */
  function expectArgument(condition, detail) {
    if (!condition) throw failure('invalid_argument', { detail })
  }

  /** What it means that WeChat's client gave no code or data. @param {any} detail */
  function refusal(detail) {
    const errMsg = String((detail && detail.errMsg) || 'no data')
    const byUser = /deny|denied|cancel|not authorized|no response/i.test(errMsg) || [103, 104].includes(detail && detail.errno)
    return failure(byUser ? 'user_denied' : 'wechat_refused', { detail: errMsg })
  }

  /** @returns {Call} */
  const newCall = () => ({ until: Date.now() + timeout, generation: load().generation })

  /** Begins a call that needs a session. */
  function begin() {
    if (ending || load().loggedOut) throw loggedOut()
    return newCall()
  }

  /** @param {Call} call */
  const isOver = (call) => load().generation !== call.generation

  /** Checks that a call may still send and log in. @param {Call} call */
  function mayGoOn(call) {
    if (ending || isOver(call)) throw loggedOut()
  }

  /** @param {Call} call */
  const left = (call) => Math.max(0, call.until - Date.now())

  /**
   * Waits for this until the call's deadline.
   * @template T @param {Call} call @param {Promise<T>} promise @returns {Promise<T>}
   */
  function within(call, promise) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(failure('unavailable', { detail: 'timeout' })), left(call))
      const stop = () => clearTimeout(timer)
      promise.then(stop, stop)
      promise.then(resolve, reject)
    })
  }

  /**
   * Calls a function of the platform; rejects with `unavailable` if it fails or takes longer than
   * `time`.
   * @param {'login' | 'request' | 'uploadFile'} name
   * @param {object} options
   * @param {number} time
   * @returns {Promise<any>}
   */
  function ask(name, options, time) {
    return new Promise((resolve, reject) => {
      /** @param {any} lost */
      const fail = (lost) => {
        clearTimeout(timer)
        reject(failure('unavailable', { detail: String((lost && lost.errMsg) || lost || 'failed') }))
      }
      const timer = setTimeout(() => {
        fail('timeout')
        if (task && typeof task.abort === 'function') task.abort()
      }, time)
      /** @param {any} reply */
      const success = (reply) => {
        clearTimeout(timer)
        resolve(reply)
      }
      /** @type {any} */
      let task
      try {
        task = /** @type {any} */ (platform)[name]({ ...options, success, fail })
      } catch (thrown) {
        fail(thrown)
      }
      // Taro gives a promise as well, which nobody else would catch.
      if (task && typeof task.catch === 'function') task.catch(() => {})
    })
  }

  /**
   * Reads a reply: the body of a success, an error otherwise. What comes from anything in between,
   * such as the HTML of a hotel's Wi-Fi, counts as no reply.
   * @param {{ statusCode: number, data: any, header?: any }} reply
   * @param {boolean} ours
   */
  function read({ statusCode: status, data, header }, ours) {
    const body = parsed(data)
    const requestId = (body && text(body.request_id)) || headerOf(header, 'apigw-requestid') || headerOf(header, 'x-amzn-requestid')
    const success = status >= 200 && status < 300
    if (success && status === 204 && !ours) return null
    if (success && body && (!ours || body.code === 200)) return body
    if (success || !body) throw failure('unavailable', { status, requestId, detail: 'not a reply of the back end' })
    const msg = text(body.msg) || text(body.message)
    throw failure(text(body.error) || nameOf(status), { status, msg, requestId, body })
  }

  /**
   * Sends one request.
   * @param {Call} call @param {string} method @param {string} path @param {any} data
   * @param {{ token?: string, ours?: boolean }} [how]
   */
  async function send(call, method, path, data, { token, ours = true } = {}) {
    // Half of the time, so that a lost reply leaves time for another try.
    const time = Math.min(left(call), timeout / 2)
    const header = token ? { Authorization: `Bearer ${token}` } : {}
    return read(await ask('request', { url: baseUrl + path, method, data, header, timeout: time }, time), ours)
  }

  /**
   * Tries again what was lost, as long as there is time.
   * @template T
   * @param {Call} call
   * @param {() => Promise<T>} once
   */
  async function retried(call, once) {
    for (let attempt = 1; ; attempt++) {
      try {
        return await once()
      } catch (lost) {
        const pause = retryDelay * attempt
        if (nameIn(lost) !== 'unavailable' || attempt === TRIES || left(call) <= pause) throw lost
        await wait(pause)
      }
    }
  }

  /** One login, however many calls find out at once that they need a session. @param {Call} call */
  function logIn(call) {
    if (!loginUnderWay) {
      const done = () => { loginUnderWay = undefined }
      loginUnderWay = openSession(newCall())
      loginUnderWay.then(done, done)
    }
    return within(call, loginUnderWay)
  }

  /** Returns the code whose reply was lost, as long as it may open a session. */
  function inDoubt() {
    const { codeInDoubt } = load()
    return codeInDoubt && Date.now() - codeInDoubt.since < CODE_LIFE ? codeInDoubt.code : undefined
  }

  /** @param {State['codeInDoubt']} codeInDoubt */
  const setInDoubt = (codeInDoubt) => save({ ...load(), codeInDoubt })

  /** @param {Call} call */
  async function openSession(call) {
    for (let codes = 1; ; codes++) {
      try {
        const doubtful = codes === 1 ? inDoubt() : undefined
        return await exchange(call, doubtful || await newCode(call), Boolean(doubtful))
      } catch (refused) {
        // A new code helps against these, nothing else does.
        const again = ['invalid_code', 'wechat_unavailable'].includes(nameIn(refused))
        // For a second after a logout of all or an erasure the back end refuses this user's logins.
        const pause = nameIn(refused) === 'invalid_code' ? 3 * retryDelay : 0
        if (!again || codes === CODES || ending || left(call) <= pause) throw refused
        await wait(pause)
      }
    }
  }

  /** @param {Call} call */
  async function newCode(call) {
    const { code, errMsg } = await ask('login', {}, left(call))
    if (!code) throw failure('unavailable', { detail: text(errMsg) || 'wx.login gave no code' })
    // Before it is sent: the mini-program may be closed before the reply.
    setInDoubt({ code: String(code), since: Date.now() })
    return String(code)
  }

  /**
   * Exchanges a code for a session. The same code may be sent again: it gives the same session.
   * @param {Call} call @param {string} code @param {boolean} doubtful Whether it was sent before.
   */
  async function exchange(call, code, doubtful) {
    let lost = doubtful
    const { data } = await retried(call, async () => {
      try {
        const body = await send(call, 'POST', '/login', appid ? { code, appid } : { code })
        if (!body.data || !text(body.data.token)) throw failure('unavailable', { detail: 'no token' })
        return body
      } catch (refused) {
        if (nameIn(refused) === 'unavailable') lost = true
        else if (nameIn(refused) === 'invalid_code' || !lost) setInDoubt(undefined)
        throw refused
      }
    })
    setInDoubt(undefined)
    const { generation, openid } = load()
    if (generation !== call.generation) {
      // Another window has logged out meanwhile.
      await send(call, 'POST', '/logout', {}, { token: data.token }).catch(() => {})
      throw loggedOut()
    }
    // What another user of this device has begun ends here.
    const switched = openid !== undefined && openid !== data.openid
    save({ generation: switched ? generation + 1 : generation, token: data.token, openid: data.openid })
    return { openid: String(data.openid) }
  }

  /**
   * Sends within a session, and once more after a login if the session has ended.
   * @template T @param {Call} call @param {(token: string) => Promise<T>} once
   * @param {(refused: unknown, token: string) => Promise<boolean>} [ended]
   * @returns {Promise<T>}
   */
  async function inSession(call, once, ended = async (refused) => nameIn(refused) === 'unauthorized') {
    for (let sessions = 1; ; sessions++) {
      mayGoOn(call)
      if (!load().token) await logIn(call)
      mayGoOn(call)
      const { token } = load()
      if (!token) throw failure('unauthorized', { status: 401 })
      try {
        const reply = await once(token)
        // What belongs to a user who has logged out does not come back to the page.
        if (isOver(call)) throw loggedOut()
        return reply
      } catch (refused) {
        mayGoOn(call)
        if (!await ended(refused, token)) throw refused
        mayGoOn(call)
        const state = load()
        if (state.token === token && (state.asked || 0) >= SESSION) {
          // The confirmation of a log-out was lost: this is it.
          saveLoggedOut(state)
          throw loggedOut()
        }
        forget(token)
        if (sessions === 2) throw refused
      }
    }
  }

  /**
   * A route of the back end itself, all of which may be asked twice.
   * @param {Call} call
   * @param {string} method
   * @param {string} path
   * @param {any} [data]
   */
  const ours = (call, method, path, data) => inSession(call, (token) => retried(call, () => {
    mayGoOn(call)
    return send(call, method, path, data, { token })
  }))

  /**
   * Whether a refusal on one of the team's own routes means that the session has ended. API
   * Gateway's own body may as well be the team's, and may have other reasons: `GET /user` knows.
   * @param {Call} call
   * @param {any} refused
   * @param {string} token
   */
  async function hasEnded(call, refused, token) {
    const { status, body } = refused
    const mayBe = (status === 401 || status === 403) && body
      && (body.error === 'unauthorized' || (!body.error && text(body.message)))
    if (!mayBe) return false
    return send(call, 'GET', '/user', undefined, { token }).then(() => false, (error) => nameIn(error) === 'unauthorized')
  }

  /** One end after the other. @param {number} kind */
  function end(kind) {
    const call = newCall()
    const before = ending || Promise.resolve()
    const mine = before.catch(() => {}).then(() => endNow(call, kind))
    const done = () => { if (ending === mine) ending = undefined }
    ending = mine
    mine.then(done, done)
    return mine
  }

  /** @param {Call} call @param {number} kind */
  async function endNow(call, kind) {
    if (loginUnderWay) await within(call, loginUnderWay.catch(() => {}))
    // A login whose reply was lost may have opened a session: the same code tells which.
    if (inDoubt()) {
      await logIn(call).catch((lost) => {
        if (inDoubt()) throw lost
      })
    }
    const { token } = load()
    if (!token && kind !== SESSION) throw loggedOut()
    if (token) await retried(call, () => endSession(call, kind, token))
    saveLoggedOut(load())
  }

  /** @param {Call} call @param {number} kind @param {string} token */
  async function endSession(call, kind, token) {
    const state = load()
    const asked = state.asked || 0
    if (state.token === token) save({ ...state, asked: asked ? Math.min(asked, kind) : kind })
    try {
      if (kind === USER) await send(call, 'DELETE', '/user', undefined, { token })
      else await send(call, 'POST', '/logout', kind === ALL_SESSIONS ? { all: true } : {}, { token })
    } catch (refused) {
      if (nameIn(refused) === 'unauthorized') {
        if (kind <= SESSION || asked >= kind) return
        forget(token)
      }
      throw refused
    }
  }

  /**
   * Ends a session whose `session_key` is stale, and opens another.
   * @param {Call} call
   * @param {string} token
   */
  async function renew(call, token) {
    await retried(call, () => {
      mayGoOn(call)
      return endSession(call, RENEWAL, token)
    })
    forget(token)
    mayGoOn(call)
    // Another call may have renewed it meanwhile.
    if (!load().token) await logIn(call)
  }

  return {
    /**
     * Opens a session unless there is one. After `logout` or `eraseUser` nothing else does:
     * requests reject with `logged_out` until then.
     * @returns {Promise<{ openid: string }>}
     */
    async login() {
      if (ending) throw loggedOut()
      const call = newCall()
      const { generation, token, openid, asked } = load()
      if (!token) return logIn(call)
      // What may still end this session is not what the user wants by now.
      save({ generation, token, openid, asked: asked && RENEWAL })
      return { openid: String(openid) }
    },

    /** Returns whether there is a session, as far as this device knows. */
    isLoggedIn() {
      return !ending && Boolean(load().token)
    },

    /**
     * Calls a route of your own, and resolves with the whole body. A lost GET is tried again; other
     * methods only if `retry` says that they may be.
     * @param {string} method
     * @param {string} path
     * @param {any} [data]
     * @param {{ retry?: boolean }} [how]
     * @returns {Promise<any>}
     */
    async request(method, path, data, { retry = method === 'GET' } = {}) {
      expectArgument(text(method) && text(path) && path[0] === '/', 'request(method, path): the path begins with /')
      const call = begin()
      /** @param {string} token */
      const once = (token) => {
        mayGoOn(call)
        return send(call, method, path, data, { token, ours: false })
      }
      return inSession(
        call,
        (token) => (retry ? retried(call, () => once(token)) : once(token)),
        (refused, token) => hasEnded(call, refused, token),
      )
    },

    /** Reads what is stored of the user. @returns {Promise<User>} */
    async user() {
      return (await ours(begin(), 'GET', '/user')).data
    },

    /**
     * Changes name, avatar or both.
     * @param {{ name?: string, avatar?: string }} change
     * @returns {Promise<User>}
     */
    async changeUser(change) {
      expectArgument(change && typeof change === 'object', 'changeUser({ name, avatar })')
      return (await ours(begin(), 'PUT', '/user', change)).data
    },

    /**
     * Takes the event of `<button open-type="getPhoneNumber">`.
     * @param {{ detail: any }} event @returns {Promise<{ phone: string, countryCode: string }>}
     */
    async phone(event) {
      expectArgument(event && event.detail, "phone(event): the event of the phone button's getphonenumber")
      const { code } = event.detail
      if (!code) throw refusal(event.detail)
      return (await ours(begin(), 'POST', '/phone', { code })).data
    },

    /**
     * Uploads the picture of `<button open-type="chooseAvatar">`, or the file at a local path.
     * @param {{ detail: any } | string} picture @returns {Promise<User>}
     */
    async avatar(picture) {
      expectArgument(picture && (text(picture) || /** @type {any} */ (picture).detail), 'avatar(event) or avatar(path)')
      expectArgument(platform.uploadFile, 'avatar: this platform has no uploadFile')
      const filePath = typeof picture === 'string' ? picture : picture.detail.avatarUrl
      if (!filePath) throw refusal(/** @type {any} */ (picture).detail)
      const call = begin()
      const upload = (/** @type {string} */ token) => retried(call, async () => {
        mayGoOn(call)
        const header = { Authorization: `Bearer ${token}` }
        const options = { url: `${baseUrl}/user/avatar`, filePath, name: 'avatar', header, timeout: left(call) }
        return read(await ask('uploadFile', options, left(call)), true)
      })
      return (await inSession(call, upload)).data
    },

    /**
     * Decrypts what `get` has from WeChat: `decrypt(() => wx.getWeRunData())`. The time that `get`
     * takes does not count: it may be asking the user.
     * @param {() => Encrypted | Promise<Encrypted> | PromiseLike<Encrypted>} get
     * @returns {Promise<any>}
     */
    async decrypt(get) {
      expectArgument(typeof get === 'function', 'decrypt(() => wx.getWeRunData())')
      const call = begin()
      for (let tries = 1; ; tries++) {
        // First: a login afterwards would change the key that the data is encrypted with.
        if (!load().token) await logIn(call)
        mayGoOn(call)
        const { token } = load()
        const began = Date.now()
        /** @type {Encrypted} */
        const encrypted = await new Promise((resolve) => { resolve(get()) }).catch((refused) => {
          throw refused && refused.errMsg ? refusal(refused) : refused
        })
        expectArgument(encrypted && encrypted.encryptedData, 'decrypt(get): get gave no encryptedData')
        const { encryptedData, iv, rawData, signature } = encrypted
        call.until += Date.now() - began
        const data = rawData === undefined ? { encryptedData, iv } : { encryptedData, iv, rawData, signature }
        try {
          return (await ours(call, 'POST', '/decrypt', data)).data
        } catch (stale) {
          if (nameIn(stale) !== 'session_key_stale' || tries === 2) throw stale
          mayGoOn(call)
          if (token && load().token === token) await renew(call, token)
        }
      }
    },

    /**
     * Logs out, on all the user's devices if told so. Once it has resolved nothing that began
     * before brings the session back.
     * @param {{ all?: boolean }} [which]
     * @returns {Promise<void>}
     */
    async logout({ all = false } = {}) {
      return end(all ? ALL_SESSIONS : SESSION)
    },

    /**
     * Deletes the user with all that is stored of them. It never logs in to do so.
     * @returns {Promise<void>}
     */
    async eraseUser() {
      return end(USER)
    },
  }
}

/** @param {Options} options */
function checked(options) {
  const { baseUrl, wx: given, appid, timeout = 20000, retryDelay = 500, language = 'zh' } = options || {}
  if (typeof baseUrl !== 'string' || !/^https?:\/\/[^/]/.test(baseUrl)) {
    throw new TypeError('createClient: baseUrl must be an http or https URL')
  }
  const platform = /** @type {Platform | undefined} */ (given || (typeof wx === 'undefined' ? undefined : wx))
  if (!platform) throw new TypeError('createClient: there is no global wx here; pass wx: Taro, uni or a shim')
  if (!(timeout > 0)) throw new TypeError('createClient: timeout must be a number of milliseconds')
  if (!(retryDelay >= 0)) throw new TypeError('createClient: retryDelay must be a number of milliseconds')
  if (!(language in TEXTS)) throw new TypeError('createClient: language must be zh or en')
  return { baseUrl: baseUrl.replace(/\/+$/, ''), platform, appid, timeout, retryDelay, language }
}

/** @param {any} lost @returns {string} */
const nameIn = (lost) => (lost && lost.error) || ''

/** @param {unknown} value */
const text = (value) => (typeof value === 'string' && value ? value : undefined)

/** @param {number} time @returns {Promise<void>} */
const wait = (time) => new Promise((resolve) => { setTimeout(resolve, time) })

/**
 * The object that a body is: `wx.uploadFile` and some platforms hand it over as text.
 * @param {any} data
 */
function parsed(data) {
  let body = data
  if (typeof data === 'string') {
    try {
      body = JSON.parse(data)
    } catch (html) {
      return undefined
    }
  }
  return body && typeof body === 'object' ? body : undefined
}

/** @param {any} header @param {string} name */
function headerOf(header, name) {
  const found = Object.keys(header || {}).find((key) => key.toLowerCase() === name)
  return found && text(header[found])
}

/** The name of an error that does not name itself. @param {number} status */
function nameOf(status) {
  /** @type {Record<number, string>} */
  const names = { 401: 'forbidden', 403: 'forbidden', 404: 'not_found', 413: 'body_too_large', 429: 'rate_limited' }
  return names[status] || (status < 500 ? 'failed' : 'unavailable')
}
