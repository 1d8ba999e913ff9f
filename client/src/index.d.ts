/**
 * Creates the client. One for the whole app is enough, in a module of its own.
 * @param {Options} options
 */
export function createClient(options: Options): {
    /**
     * Opens a session unless there is one. After `logout` or `eraseUser` nothing else does: requests reject with
     * `logged_out` until then.
     * @returns {Promise<{ openid: string }>}
     */
    login(): Promise<{
        openid: string;
    }>;
    /** Returns whether there is a session, as far as this device knows. */
    isLoggedIn(): boolean;
    /**
     * Calls a route of your own, and resolves with the whole body. A lost GET is tried again; other methods only if `retry` says
     * that they may be.
     * @param {string} method @param {string} path @param {any} [data] @param {{ retry?: boolean }} [how]
     * @returns {Promise<any>}
     */
    request(method: string, path: string, data?: any, { retry }?: {
        retry?: boolean;
    }): Promise<any>;
    /** Reads what is stored of the user. @returns {Promise<User>} */
    user(): Promise<User>;
    /** Changes name, avatar or both. @param {{ name?: string, avatar?: string }} change @returns {Promise<User>} */
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
     * Decrypts what `get` has from WeChat: `decrypt(() => wx.getWeRunData())`. The time that `get` takes does not count:
     * it may be asking the user.
     * @param {() => Encrypted | Promise<Encrypted> | PromiseLike<Encrypted>} get @returns {Promise<any>}
     */
    decrypt(get: () => Encrypted | Promise<Encrypted> | PromiseLike<Encrypted>): Promise<any>;
    /**
     * Logs out, on all the user's devices if told so. Once it has resolved nothing that began before brings the session back.
     * @param {{ all?: boolean }} [which] @returns {Promise<void>}
     */
    logout({ all }?: {
        all?: boolean;
    }): Promise<void>;
    /** Deletes the user with all that is stored of them. It never logs in to do so. @returns {Promise<void>} */
    eraseUser(): Promise<void>;
};
export namespace TEXTS {
    namespace zh {
        let user_denied: string;
        let logged_out: string;
        let unauthorized: string;
        let invalid_code: string;
        let invalid_field: string;
        let content_refused: string;
        let user_blocked: string;
        let code_mismatch: string;
        let session_key_stale: string;
        let body_too_large: string;
        let rate_limited: string;
        let wechat_unavailable: string;
        let wechat_refused: string;
        let misconfigured: string;
        let unavailable: string;
        let forbidden: string;
        let not_found: string;
        let failed: string;
    }
    namespace en {
        let user_denied_1: string;
        export { user_denied_1 as user_denied };
        let logged_out_1: string;
        export { logged_out_1 as logged_out };
        let unauthorized_1: string;
        export { unauthorized_1 as unauthorized };
        let invalid_code_1: string;
        export { invalid_code_1 as invalid_code };
        let invalid_field_1: string;
        export { invalid_field_1 as invalid_field };
        let content_refused_1: string;
        export { content_refused_1 as content_refused };
        let user_blocked_1: string;
        export { user_blocked_1 as user_blocked };
        let code_mismatch_1: string;
        export { code_mismatch_1 as code_mismatch };
        let session_key_stale_1: string;
        export { session_key_stale_1 as session_key_stale };
        let body_too_large_1: string;
        export { body_too_large_1 as body_too_large };
        let rate_limited_1: string;
        export { rate_limited_1 as rate_limited };
        let wechat_unavailable_1: string;
        export { wechat_unavailable_1 as wechat_unavailable };
        let wechat_refused_1: string;
        export { wechat_refused_1 as wechat_refused };
        let misconfigured_1: string;
        export { misconfigured_1 as misconfigured };
        let unavailable_1: string;
        export { unavailable_1 as unavailable };
        let forbidden_1: string;
        export { forbidden_1 as forbidden };
        let not_found_1: string;
        export { not_found_1 as not_found };
        let failed_1: string;
        export { failed_1 as failed };
    }
}
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
     * Milliseconds that a call may take with all its retries; 20,000 if absent.
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
 * What every call rejects with. `error` is a name of the HTTP contract or one of `user_denied`, `logged_out`,
 * `wechat_refused`, `forbidden`, `not_found`, `failed` and `invalid_argument`.
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
 * What is stored, per base URL. The generation counts the log-outs: what began in an earlier one stores nothing.
 * `asked` is the weakest end that this token was sent with and that nobody confirmed.
 */
export type State = {
    generation: number;
    token?: string | undefined;
    openid?: string | undefined;
    loggedOut?: boolean | undefined;
    asked?: number | undefined;
};
/**
 * One call of the page.
 */
export type Call = {
    until: number;
    generation: number;
};
