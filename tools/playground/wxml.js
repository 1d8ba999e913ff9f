// WXML, as much of it as the sample project uses: it becomes a tree of plain nodes, and the tree becomes DOM. Only what has
// changed is touched, so that a field keeps what is being typed.

const TAGS = { view: 'div', text: 'span', image: 'img', button: 'button', form: 'form', input: 'input', label: 'label' }

/** Parses the text of a `.wxml` file. */
export function parse(wxml) {
  const xml = wxml.replace(/<!--[\s\S]*?-->/g, '').replace(/&&/g, '&amp;&amp;').replace(/\bwx:else(?=[\s/>])/g, 'wx:else=""')
  const document = new DOMParser().parseFromString(`<wxml xmlns:wx="wx">${xml}</wxml>`, 'application/xml')
  const error = document.querySelector('parsererror')
  if (error) throw new Error(`WXML: ${error.textContent}`)
  return [...document.documentElement.childNodes]
}

const compiled = new Map()

/** Evaluates an expression. As in WXML, what does not exist is empty, and no error. */
function evaluate(expression, data) {
  if (!compiled.has(expression)) compiled.set(expression, new Function('data', `with (data) { return (${expression}) }`))
  const scope = new Proxy(data, { has: (_, name) => typeof name === 'string', get: (_, name) => data[name] })
  try {
    return compiled.get(expression)(scope)
  } catch (absent) {
    return undefined
  }
}

/** A text with `{{expressions}}`: the value of a single one as it is, otherwise a string. */
function filled(text, data) {
  const single = /^\{\{((?:(?!\}\})[\s\S])*)\}\}$/.exec(text)
  if (single) return evaluate(single[1], data)
  return text.replace(/\{\{([\s\S]*?)\}\}/g, (_, expression) => evaluate(expression, data) ?? '')
}

/** The tree of these XML nodes for this data. */
export function render(nodes, data) {
  const tree = []
  let taken = false
  for (const node of nodes) {
    if (node.nodeType === Node.TEXT_NODE) {
      const text = node.textContent.trim()
      if (text) tree.push({ text: String(filled(text, data) ?? '') })
      continue
    }
    const attribute = (name) => node.getAttribute(`wx:${name}`)
    if (attribute('if') !== null) taken = Boolean(filled(attribute('if'), data))
    else if (attribute('elif') !== null) taken = !taken && Boolean(filled(attribute('elif'), data))
    else if (attribute('else') !== null) taken = !taken
    else taken = true
    if (!taken) continue
    const children = [...node.childNodes]
    if (node.nodeName === 'block') tree.push(...render(children, data))
    else tree.push(element(node, children, data))
  }
  return tree
}

function element(node, children, data) {
  const tag = TAGS[node.nodeName]
  if (!tag) throw new Error(`WXML: <${node.nodeName}> is not known to the playground`)
  const attributes = {}
  const events = {}
  const classes = [node.nodeName]
  for (const { name, value } of node.attributes) {
    const given = filled(value, data)
    if (name.startsWith('wx:')) continue
    else if (name.startsWith('bind')) events[name.slice(4)] = value
    else if (name === 'class') classes.push(given)
    else if (name === 'loading') given && classes.push('loading')
    else if (name === 'disabled') given && (attributes.disabled = '')
    else if (name === 'form-type') attributes.type = given
    else if (name === 'type') classes.push(`is-${given}`)
    else if (name === 'src') given && (attributes.src = given)
    else attributes[name] = String(given ?? '')
  }
  if (tag === 'button') attributes.type = attributes.type || 'button'
  if (tag === 'img') attributes.alt = ''
  attributes.class = classes.filter(Boolean).join(' ')
  return { tag, attributes, events, children: render(children, data) }
}

/** Makes the children of `parent` those of the tree. `on(event, handler, node)` is called for what happens to them. */
export function patch(parent, tree, on) {
  tree.forEach((wanted, n) => {
    const present = parent.childNodes[n]
    const fits = present && present.drawn && present.drawn.tag === wanted.tag
    const node = fits ? present : create(wanted, on)
    if (!fits && present) present.replaceWith(node)
    else if (!fits) parent.append(node)
    update(node, wanted, on)
  })
  while (parent.childNodes.length > tree.length) parent.lastChild.remove()
}

function create(wanted, on) {
  if (wanted.tag === undefined) return Object.assign(document.createTextNode(''), { drawn: {} })
  const node = document.createElement(wanted.tag)
  node.drawn = { tag: wanted.tag, attributes: {} }
  node.addEventListener('click', () => on('click', node.events, node))
  node.addEventListener('submit', (event) => {
    event.preventDefault()
    on('submit', node.events, node)
  })
  return node
}

function update(node, wanted, on) {
  if (wanted.tag === undefined) {
    if (node.textContent !== wanted.text) node.textContent = wanted.text
    return
  }
  const before = node.drawn.attributes
  for (const [name, value] of Object.entries(wanted.attributes)) {
    if (before[name] === value) continue
    node.setAttribute(name, value)
    if (name === 'value') node.value = value
  }
  for (const name of Object.keys(before)) if (!(name in wanted.attributes)) node.removeAttribute(name)
  node.drawn.attributes = wanted.attributes
  node.events = wanted.events
  patch(node, wanted.children, on)
}
