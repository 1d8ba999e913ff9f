// The phone: the pages of the sample project, unchanged, on a `wx` of the browser.

import { TEXTS } from './texts.js'
import { createWx, phoneDetail, phoneOf } from './wx.js'
import { parse, patch, render } from './wxml.js'

const SAMPLE = '/_playground/files/sample'
const query = new URLSearchParams(window.location.search)
const language = query.get('language') === 'en' ? 'en' : 'zh'
const openid = query.get('openid') || 'oAlice'
const t = TEXTS[language]
const at = (id) => document.getElementById(id)

const definitions = new Map()
const stack = []
let defined

window.App = () => {}
window.Page = (definition) => { defined = definition }

const ui = {
  toast(title) {
    const toast = at('toast')
    toast.textContent = title
    toast.hidden = false
    clearTimeout(toast.timer)
    toast.timer = setTimeout(() => { toast.hidden = true }, 2500)
  },
  /** Resolves with whether the user agrees. */
  modal(title, content, [yes, no] = [t.ok, t.cancel]) {
    const sheet = at('sheet')
    at('sheet-title').textContent = title
    at('sheet-content').textContent = content
    at('sheet-yes').textContent = yes
    at('sheet-no').textContent = no
    sheet.showModal()
    return new Promise((resolve) => {
      const close = (answer) => {
        sheet.close()
        resolve(answer)
      }
      at('sheet-yes').onclick = () => close(true)
      at('sheet-no').onclick = () => close(false)
      sheet.oncancel = () => resolve(false)
    })
  },
  privacy: () => ui.modal(t.privacyTitle, t.privacyContent),
  async open(url, fromScratch = false) {
    const path = url.replace(/^\//, '').split('?')[0]
    const page = await load(path)
    if (fromScratch) stack.length = 0
    stack.push(page)
    page.onLoad?.({})
    show()
  },
  back() {
    if (stack.length > 1) stack.pop()
    show()
  },
}

window.wx = createWx({ openid, language, ui })

/** A page as its file defines it, with data of its own. */
async function load(path) {
  if (!definitions.has(path)) {
    const wxml = await (await fetch(`${SAMPLE}/${path}.wxml`)).text()
    await import(`${SAMPLE}/${path}`)
    definitions.set(path, { definition: defined, nodes: parse(wxml) })
  }
  const { definition, nodes } = definitions.get(path)
  const page = { ...definition, data: structuredClone(definition.data) }
  page.nodes = nodes
  page.setData = (change) => {
    Object.assign(page.data, change)
    if (stack.at(-1) === page) draw(page)
  }
  return page
}

function show() {
  at('back').hidden = stack.length < 2
  const page = stack.at(-1)
  at('page').replaceChildren()
  draw(page)
  page.onShow?.()
}

function draw(page) {
  patch(at('page'), render(page.nodes, page.data), (what, events, node) => happened(page, what, events, node))
}

async function happened(page, what, events, node) {
  const call = (name, detail) => page[events[name]]?.({ type: name, detail, currentTarget: { dataset: { ...node.dataset } } })
  const openType = node.getAttribute('open-type') || ''
  if (what === 'submit' && events.submit) call('submit', { value: Object.fromEntries(new FormData(node)) })
  else if (what === 'click' && events.tap) call('tap', {})
  else if (what === 'click' && openType.includes('getPhoneNumber')) {
    const allowed = await ui.modal(t.phoneTitle, `+86 ${phoneOf(openid)}`, [t.allow, t.refuse])
    call('getphonenumber', await phoneDetail(openid, allowed))
  } else if (what === 'click' && openType === 'chooseAvatar') {
    call('chooseavatar', { avatarUrl: await picture() })
  }
}

/** A picture as a user might choose one. */
async function picture() {
  const canvas = new OffscreenCanvas(132, 132)
  const context = canvas.getContext('2d')
  const hue = Math.floor(Math.random() * 360)
  context.fillStyle = `hsl(${hue} 60% 60%)`
  context.fillRect(0, 0, 132, 132)
  context.fillStyle = '#fff'
  context.font = '72px sans-serif'
  context.textAlign = 'center'
  context.fillText(openid.slice(1, 2), 66, 92)
  return URL.createObjectURL(await canvas.convertToBlob({ type: 'image/png' }))
}

const app = await (await fetch(`${SAMPLE}/app.json`)).json()
const wxss = await (await fetch(`${SAMPLE}/app.wxss`)).text()
const style = document.createElement('style')
// 750 rpx are the width of every screen.
style.textContent = wxss.replace(/(-?[\d.]+)rpx/g, 'calc($1 * 100vw / 750)').replace(/\bpage\s*\{/g, 'body {')
document.head.append(style)
document.documentElement.lang = language
at('title').textContent = app.window.navigationBarTitleText
at('back').onclick = ui.back
at('back').ariaLabel = t.back
await ui.open(app.pages[0])
