import { client } from '../../api'
import { run } from '../../run'
import { texts } from '../../texts'

/** What the page shows of a user: nothing of it stays after a logout. */
const nobody = () => ({
  /** @type {import('../../client').User | null} */
  user: null,
  phone: '',
  /** @type {number | null} */
  steps: null,
  example: '',
})

/** Phone numbers are not shown in full. @param {string | null} phone */
const masked = (phone) => (phone ? `${phone.slice(0, 3)}******${phone.slice(-2)}` : '')

Page({
  data: { t: texts, busy: '', ...nobody() },

  onShow() {
    if (client.isLoggedIn()) run(this, 'user', () => this.refresh())
    else this.leave()
  },

  async refresh() {
    const user = await client.user()
    this.setData({ user, phone: masked(user.phone) })
  },

  leave() {
    this.setData(nobody())
  },

  onLogin() {
    return run(this, 'login', async () => {
      await client.login()
      await this.refresh()
    })
  },

  /** @param {WechatMiniprogram.ButtonGetPhoneNumber} event */
  onPhone(event) {
    return run(this, 'phone', async () => {
      const { phone } = await client.phone(event)
      this.setData({ phone: masked(phone) })
    })
  },

  onSteps() {
    return run(this, 'steps', async () => {
      const { stepInfoList } = await client.decrypt(() => wx.getWeRunData())
      const today = stepInfoList[stepInfoList.length - 1]
      this.setData({ steps: today ? today.step : 0 })
    })
  },

  // A route of your own, behind the authorizer.
  onExample() {
    return run(this, 'example', async () => {
      const { data } = await client.request('GET', '/example')
      this.setData({ example: JSON.stringify(data) })
    })
  },

  onProfile() {
    wx.navigateTo({ url: '/pages/profile/profile' })
  },

  onLogout() {
    return run(this, 'logout', async () => {
      await client.logout()
      this.leave()
      wx.showToast({ title: texts.loggedOut, icon: 'none' })
    })
  },

  onPrivacy() {
    wx.openPrivacyContract({})
  },
})
