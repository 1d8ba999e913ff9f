import { client } from '../../api'
import { run } from '../../run'
import { texts } from '../../texts'

Page({
  data: {
    t: texts,
    busy: '',
    /** @type {import('../../client').User | null} */
    user: null,
  },

  // The first page shows the login again, and this one is gone with all that it showed.
  leave() {
    this.setData({ user: null })
    wx.reLaunch({ url: '/pages/index/index' })
  },

  onLoad() {
    run(this, 'user', async () => this.setData({ user: await client.user() }))
  },

  /** @param {WechatMiniprogram.CustomEvent<{ avatarUrl: string }>} event */
  onAvatar(event) {
    return run(this, 'avatar', async () => this.setData({ user: await client.avatar(event) }))
  },

  /** @param {WechatMiniprogram.FormSubmit} event */
  onName(event) {
    return run(this, 'name', async () => {
      this.setData({ user: await client.changeUser({ name: event.detail.value.name.trim() }) })
      wx.showToast({ title: texts.saved, icon: 'success' })
    })
  },

  onLogoutAll() {
    return run(this, 'logout', async () => {
      await client.logout({ all: true })
      wx.showToast({ title: texts.loggedOut, icon: 'none' })
      this.leave()
    })
  },

  onErase() {
    return run(this, 'erase', async () => {
      const { eraseTitle: title, eraseContent: content } = texts
      const { confirm } = await wx.showModal({ title, content, confirmColor: '#e64340' })
      if (!confirm) return
      // What your own routes store of the user goes first, while there is a session.
      await client.eraseUser()
      wx.showToast({ title: texts.erased, icon: 'none' })
      this.leave()
    })
  },
})
