import { texts } from './texts'

/**
 * Runs what a tap asks for: shows that it is under way, and says in the user's words what went
 * wrong. `leave` is called when the user turns out to be logged out.
 * @param {{ setData: (data: { busy: string }) => void, leave: () => void }} page
 * @param {string} busy Which button is waiting.
 * @param {() => Promise<void>} work
 */
export async function run(page, busy, work) {
  page.setData({ busy })
  try {
    await work()
  } catch (thrown) {
    const error = /** @type {import('./client').ClientError} */ (thrown)
    // Whoever declined needs no message, and whoever has logged out sees that.
    if (error.error !== 'user_denied' && error.error !== 'logged_out') {
      wx.showToast({ title: error.msg || texts.failed, icon: 'none' })
    }
    if (error.error === 'logged_out' || error.error === 'unauthorized') page.leave()
  }
  page.setData({ busy: '' })
}
