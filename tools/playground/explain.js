// What one sees, in a sentence.

const bodyOf = (request) => {
  try {
    return JSON.parse(request.response)
  } catch {
    return {}
  }
}

/**
 * The name of the sentence for a request and the log line of the function that served it, and what it mentions; `undefined` if
 * there is nothing to say.
 */
export function explain(request, line = {}) {
  const { method, target, status, fault } = request
  const path = target.split('?')[0]
  const route = `${method} ${path}`
  const say = (name) => ({ name, route })
  if (status === null) return say(/before/.test(fault || '') ? 'requestLost' : 'replyLost')
  if (status === 503 || status === 502) return say('serviceDown')
  if (status === 409) return say('keyStale')
  if (status === 403 && path === '/user/avatar') return undefined
  if (line.access_token === 'forced') return say('tokenForced')
  if (status === 200) {
    switch (route) {
      case 'POST /login': return say(line.replayed ? 'loginReplayed' : 'login')
      case 'POST /phone': return say(line.replayed ? 'phoneReplayed' : 'phone')
      case 'POST /logout': return say('logout')
      case 'DELETE /user': return say('erased')
      case 'PUT /user': return say('changed')
      case 'POST /decrypt': return say('decrypted')
      case 'GET /example': return say('example')
      default: return undefined
    }
  }
  const ending = route === 'POST /logout' || route === 'DELETE /user'
  if (status === 401) return say(ending ? 'endConfirmed' : 'sessionEnded')
  if (status === 403 && bodyOf(request).message) return say('refusedByGateway')
  if (status === 400 && bodyOf(request).error === 'invalid_code') return say('codeSpent')
  if (status === 404 && bodyOf(request).message) return say('noRoute')
  return undefined
}
