// The right side: what goes on behind the page, and the controls. It asks for news twice a second.

import { explain } from './explain.js'
import { TEXTS } from './texts.js'

const at = (id) => document.getElementById(id)
const PAUSE = 500
const SHOWN = 200

let language = localStorage.getItem('playground language') || (navigator.language.startsWith('zh') ? 'zh' : 'en')
let t = TEXTS[language]
let after = 0
let events = []
const sentences = []
const logs = new Map()
const drawn = {}

/** An element with these children: elements, or text. */
function make(tag, attributes, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) if (value) element.setAttribute(name, value)
  element.append(...children)
  return element
}

const json = (value) => {
  try {
    return JSON.stringify(typeof value === 'string' ? JSON.parse(value) : value, null, 1)
  } catch {
    return value
  }
}

/** Redraws a part of the page if what it shows has changed. */
function redraw(name, value, draw) {
  const text = JSON.stringify([language, value])
  if (drawn[name] === text) return
  drawn[name] = text
  at(name).replaceChildren(...draw(value))
}

const requests = { // The rows of the timeline, by the kind of event.
  request({ method, target, status, ms, fault, request, response }) {
    const grade = status === null ? 'bad' : status < 400 ? 'good' : status < 500 ? 'warn' : 'bad'
    const head = make('summary', {}, make('b', {}, `${method} ${target} `), make('span', { class: grade }, status === null ? t.lost : `${status}`), ` ${ms} ms`)
    if (fault) head.append(make('span', { class: 'bad' }, ` ${fault}`))
    const bodies = [request, response].filter(Boolean).map((body) => make('pre', {}, json(body)))
    return make('li', { 'data-kind': 'request' }, make('details', {}, head, ...bodies))
  },
  log({ line }) {
    const { route, outcome, wechat_ms: wechat, dynamodb_ms: dynamodb, replayed, access_token: token, cause } = line
    const parts = [`${t.log}: ${route} ${outcome}`, wechat ? `WeChat ${wechat} ms` : '', dynamodb ? `DynamoDB ${dynamodb} ms` : '', replayed ? 'replayed' : '', token ? `access_token ${token}` : '', cause || '']
    return inner('log', parts.filter(Boolean).join(' · '), line)
  },
  call({ service, operation, fault }) {
    if (service === 'WeChat' && !fault) return undefined
    return inner('call', `→ ${service} ${operation}${fault ? `: ${fault}` : ''}`, undefined, fault && 'bad')
  },
  wechat({ target, request, response }) {
    // What the phone itself has from WeChat: codes and encrypted data.
    if (target.startsWith('/_control/')) return inner('wx', `wx ← WeChat ${target.slice('/_control/'.length)}`, response && json(response))
    const hidden = target.replace(/(secret|access_token)=[^&]*/g, '$1=…')
    return inner('wechat', `→ WeChat ${hidden.split('?')[0]}`, [hidden, request && json(request), json(response)].filter(Boolean).join('\n'))
  },
}

function inner(kind, text, content, grade) {
  const summary = make('summary', { class: grade }, text)
  if (content === undefined) return make('li', { class: 'inner', 'data-kind': kind }, summary)
  return make('li', { class: 'inner', 'data-kind': kind }, make('details', {}, summary, make('pre', {}, json(content))))
}

function show(event) {
  const row = requests[event.kind]?.(event)
  if (!row) return
  at('timeline').prepend(row)
  while (at('timeline').childElementCount > SHOWN) at('timeline').lastChild.remove()
}

function tell(sentence) {
  sentences.unshift(sentence)
  sentences.length = Math.min(sentences.length, 3)
}

function drawStory() {
  const texts = sentences.map(({ name, route }) => t.explained[name].replace('{route}', route))
  at('explained').replaceChildren(...(texts.length ? texts : [t.begin]).map((text) => make('li', {}, text)))
}

function take(news) {
  // What happened before this page was opened needs no sentence.
  const old = after === 0
  for (const event of news) {
    if (event.kind === 'log') logs.set(event.id, event.line)
    show(event)
    const sentence = !old && event.kind === 'request' && explain(event, logs.get(event.id))
    if (sentence) tell(sentence)
  }
  events = [...events, ...news].slice(-SHOWN)
  if (news.length) drawStory()
}

function drawTables(tables) {
  const known = drawTables.known || new Set()
  drawTables.known = new Set()
  return tables.flatMap(({ name, items }) => [
    make('h3', {}, `${name} (${items.length})`),
    ...items.map((item) => {
      const text = JSON.stringify(item)
      drawTables.known.add(text)
      const rows = Object.entries(item).map(([attribute, value]) => {
        const note = t.attributes[attribute]
        const cell = make('td', {}, typeof value === 'string' ? value : JSON.stringify(value))
        const label = make('td', {}, attribute)
        if (note) label.append(make('i', {}, note))
        return make('tr', { class: known.size && !known.has(text) && 'new' }, label, cell)
      })
      return make('table', { 'data-table': name }, ...rows)
    }),
  ])
}

function drawWechat({ users, login_codes: loginCodes, phone_codes: phoneCodes, numbers_sold: sold }) {
  const list = (title, rows) => [
    make('h3', {}, title),
    make('table', {}, ...(rows.length ? rows : [make('tr', {}, make('td', {}, t.empty))])),
  ]
  const row = (label, text) => make('tr', {}, make('td', {}, label), make('td', {}, text))
  return [
    ...list(t.users, users.map((openid) => make('tr', {}, make('td', {}, openid)))),
    ...list(t.loginCodes, loginCodes.slice(0, 12).map(({ code, openid, standing }) => row(t[standing], `${code}  ${openid}`))),
    ...list(t.phoneCodes, phoneCodes.slice(0, 12).map(({ code, phone }) => row(phone, code))),
    make('p', { class: 'hint' }, `${t.numbersSold}: ${sold}`),
  ]
}

async function ask() {
  const reply = await fetch(`/_playground/state?after=${after}`)
  const state = await reply.json()
  // Started again: everything is new.
  if (state.last < after) {
    after = 0
    return
  }
  take(state.events)
  after = state.last
  redraw('tables', state.tables, drawTables)
  const { users, login_codes: codes, phone_codes: phones, numbers_sold: sold } = state.wechat
  redraw('wechat', { users, login_codes: codes, phone_codes: phones, numbers_sold: sold }, drawWechat)
  at('now').textContent = new Date(state.now).toLocaleString(language === 'zh' ? 'zh-CN' : 'en-GB')
  const { seed, places, losing } = state.faults
  const form = at('chaos')
  if (!form.contains(document.activeElement)) {
    for (const box of form.querySelectorAll('[type=checkbox]')) box.checked = places.includes(box.name)
    if (places.length) form.seed.value = seed
  }
  for (const what of ['reply', 'request']) at(`lose-${what}`).ariaPressed = String(losing === what)
}

async function watch() {
  for (;;) {
    if (!document.hidden) {
      await ask().catch(() => { at('explained').replaceChildren(make('li', { class: 'bad' }, t.offline)) })
    }
    await new Promise((resolve) => { setTimeout(resolve, PAUSE) })
  }
}

const post = (path, body) => fetch(path, { method: 'POST', body: JSON.stringify(body) })

function translate() {
  t = TEXTS[language]
  document.documentElement.lang = language
  document.title = t.title
  at('language').textContent = t.other
  for (const element of document.querySelectorAll('[data-t]')) element.textContent = t[element.dataset.t]
  at('phone').title = t.phone
  at('timeline').replaceChildren()
  events.forEach(show)
  drawStory()
  startPhone()
}

function startPhone() {
  const query = new URLSearchParams({ language, openid: at('user').value })
  at('phone').src = `/_playground/files/phone.html?${query}`
}

at('language').onclick = () => {
  language = language === 'zh' ? 'en' : 'zh'
  localStorage.setItem('playground language', language)
  translate()
}
at('user').onchange = startPhone
for (const what of ['reply', 'request']) at(`lose-${what}`).onclick = () => post('/_playground/lose', { what })
at('revoke').onclick = () => post('/_control/access-token', { repeated: true })
at('clear').onclick = () => {
  events = []
  at('timeline').replaceChildren()
}
at('chaos').onsubmit = (event) => event.preventDefault()
at('chaos').onchange = () => {
  const form = at('chaos')
  const places = [...form.querySelectorAll(':checked')].map((box) => box.name)
  post('/_playground/faults', { seed: Math.max(0, Math.trunc(Number(form.seed.value)) || 0), places })
}
for (const button of document.querySelectorAll('[data-forward]')) {
  button.onclick = () => post('/_control/clock', { advance_seconds: Number(button.dataset.forward) })
}
translate()
watch()
