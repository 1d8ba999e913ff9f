/**
 * Creates the client. One for the whole app is enough, in a module of its own.
 * @param {Options} options
 */
export function createClient(options: Options): {
    /**
     * Opens a session unless there is one. After `logout` or `eraseUser` nothing else does:
     * requests reject with `logged_out` until then.
     * @returns {Promise<{ openid: string }>}
     */
    login(): Promise<{
        openid: string;
    }>;
    /** Returns whether there is a session, as far as this device knows. */
    isLoggedIn(): boolean;
    /**
     * Calls a route of your own, and resolves with the whole body. A lost GET is tried again; other
     * methods only if `retry` says that they may be.
     * @param {string} method
     * @param {string} path
     * @param {any} [data]
     * @param {{ retry?: boolean }} [how]
     * @returns {Promise<any>}
     */
    request(method: string, path: string, data?: any, { retry }?: {
        retry?: boolean;
    }): Promise<any>;
    /** Reads what is stored of the user. @returns {Promise<User>} */
    user(): Promise<User>;
    /**
     * Changes name, avatar or both.
     * @param {{ name?: string, avatar?: string }} change
     * @returns {Promise<User>}
     */
    changeUser(change: {
        name?: string;
        avatar?: string;
    }): Promise<User>;
    /**
     * Takes the event of `<button open-type="getPhoneNumber">`.
     * @param {{ detail: any }} event @returns {Promise<{ phone: string, countryCode: string }>}
     */
    phone(event: {
        detail: any;
    }): Promise<{
        phone: string;
        countryCode: string;
    }>;
    /**
     * Uploads the picture of `<button open-type="chooseAvatar">`, or the file at a local path.
     * @param {{ detail: any } | string} picture @returns {Promise<User>}
     */
    avatar(picture: {
        detail: any;
    } | string): Promise<User>;
    /**
     * Decrypts what `get` has from WeChat: `decrypt(() => wx.getWeRunData())`. The time that `get`
     * takes does not count: it may be asking the user.
     * @param {() => Encrypted | Promise<Encrypted> | PromiseLike<Encrypted>} get
     * @returns {Promise<any>}
     */
    decrypt(get: () => Encrypted | Promise<Encrypted> | PromiseLike<Encrypted>): Promise<any>;
    /**
     * Logs out, on all the user's devices if told so. Once it has resolved nothing that began
     * before brings the session back.
     * @param {{ all?: boolean }} [which]
     * @returns {Promise<void>}
     */
    logout({ all }?: {
        all?: boolean;
    }): Promise<void>;
    /**
     * Deletes the user with all that is stored of them. It never logs in to do so.
     * @returns {Promise<void>}
     */
    eraseUser(): Promise<void>;
};
/**
 * Texts that a page may show to its users, by language and name of the error.
 * @type {Record<'zh' | 'en', Record<string, string>>}
 */
export const TEXTS: Record<"zh" | "en", Record<string, string>>;
/**
 * What the client needs of `wx`; `Taro` and `uni` have it too, and a browser can have a shim.
 */
export type Platform = {
    login: (options: any) => any;
    request: (options: any) => any;
    /**
     * Needed by `avatar` only.
     */
    uploadFile?: ((options: any) => any) | undefined;
    getStorageSync: (key: string) => any;
    setStorageSync: (key: string, value: any) => any;
};
export type Options = {
    /**
     * Where the back end is, such as `https://api.example.com`.
     */
    baseUrl: string;
    /**
     * `Taro`, `uni` or a shim; the global `wx` if absent.
     */
    wx?: Platform | undefined;
    /**
     * Which mini-program this is, where one back end serves several.
     */
    appid?: string | undefined;
    /**
     * Milliseconds that a call may take with all its retries; 20,000 if
     * absent.
     */
    timeout?: number | undefined;
    /**
     * Milliseconds before the first retry; 500 if absent.
     */
    retryDelay?: number | undefined;
    /**
     * Language of `msg` in errors; `zh` if absent.
     */
    language?: "zh" | "en" | undefined;
};
/**
 * What every call rejects with. `error` is a name of the HTTP contract or one of `user_denied`,
 * `logged_out`, `wechat_refused`, `forbidden`, `not_found`, `failed` and `invalid_argument`.
 */
export type ClientError = Error & {
    error: string;
    status: number;
    msg: string;
    requestId: string | undefined;
    body: any;
    detail: string | undefined;
};
export type User = {
    openid: string;
    unionid: string | null;
    name: string | null;
    avatar: string | null;
    phone: string | null;
    countryCode: string | null;
    created_at: string;
};
/**
 * What WeChat's client encrypts, as `wx.getWeRunData()` and the like resolve with.
 */
export type Encrypted = {
    encryptedData: string;
    iv: string;
    rawData?: string;
    signature?: string;
};
/**
 * What is stored, per base URL. The generation counts the log-outs: what began in an earlier one
 * stores nothing. `asked` is the weakest end that this token was sent with and that nobody
 * confirmed. A code in doubt may have opened a session, as its reply was lost.
 */
export type State = {
    generation: number;
    token?: string | undefined;
    openid?: string | undefined;
    loggedOut?: boolean | undefined;
    asked?: number | undefined;
    codeInDoubt?: {
        code: string;
        since: number;
    } | undefined;
};
/**
 * One call of the page.
 */
export type Call = {
    until: number;
    generation: number;
};
