/** A number in the answer of an HTTP api: one address, or each ready instance of a Service, made one number of. */
import { NsctlError } from '../../core/errors.ts'
import { type AnswerFormat, type AnswerNumber, compileAnswer } from '../answers/number.ts'
import type { PreparedRequest } from '../http/client.ts'
import { Endpoint, faultOf, oneValue, readUrl } from '../http/endpoint.ts'
import type {
  Reading,
  Source,
  SourceContext,
  SourceType,
  TriggerConfig,
  WorkloadInstance,
} from '../source.ts'

export const metricsApi: SourceType = {
  types: ['metrics-api'],
  shareable: true,
  open: (trigger, context) => new MetricsApiSource(trigger, context),
}

/** So many instances are asked at the same time. */
const AT_ONCE = 5

class MetricsApiSource implements Source {
  readonly #endpoint: Endpoint
  readonly #context: SourceContext
  readonly #url: URL
  readonly #request: PreparedRequest
  readonly #numberOf: AnswerNumber
  readonly #activation: number | undefined
  /** Undefined where one address is asked. */
  readonly #aggregation: string | undefined
  /** By address. */
  #requests: ReadonlyMap<string, PreparedRequest> = new Map()

  constructor(trigger: TriggerConfig, context: SourceContext) {
    const { parameters } = trigger
    this.#context = context
    this.#endpoint = new Endpoint({ trigger, context })
    this.#url = readUrl(parameters.text('url'), 'url')
    this.#request = this.#endpoint.prepare({ url: this.#url })
    const format = (parameters.text('format') ?? 'json') as AnswerFormat
    this.#numberOf = compileAnswer(format, parameters.text('valueLocation') ?? '')
    this.#activation = parameters.number('activationTargetValue')
    if (parameters.flag('aggregateFromKubeServiceEndpoints')) {
      this.#aggregation = parameters.text('aggregationType') ?? 'average'
      serviceOf(this.#url)
    }
  }

  async measure(signal: AbortSignal): Promise<Reading> {
    const value =
      this.#aggregation === undefined
        ? await this.#ask(this.#request, signal)
        : await this.#aggregate(this.#aggregation, signal)
    return oneValue(value, this.#activation)
  }

  async close(): Promise<void> {
    this.#endpoint.close()
  }

  async #ask(request: PreparedRequest, signal: AbortSignal): Promise<number> {
    const { body } = await this.#endpoint.ask(request, signal)
    try {
      return finite(await this.#numberOf(body.toString()))
    } catch (error) {
      throw faultOf(request.name, error)
    }
  }

  async #aggregate(aggregation: string, signal: AbortSignal): Promise<number> {
    const service = serviceOf(this.#url)
    const name = `${service.namespace}/${service.name}`
    const ready = this.#context.workloads.instances(service).filter((instance) => instance.ready)
    if (ready.length === 0)
      throw new NsctlError('Unreachable', `the Service ${name} has no ready instance to ask`, { value: name })
    this.#prepareFor(ready)
    const answers = await this.#askEach([...this.#requests.values()], signal)
    const numbers = answers.filter((answer) => typeof answer === 'number')
    const failed = answers.filter((answer) => typeof answer !== 'number')
    const why = failed[0]?.message
    if (numbers.length === 0)
      throw new NsctlError('Unreachable', `no instance of ${name} gives a number: ${why}`, { value: name })
    const value = made(aggregation, numbers)
    // without those that are missing a sum is too small, and no work among the others is not no work
    if (failed.length > 0 && (aggregation === 'sum' || value <= (this.#activation ?? 0)))
      throw new NsctlError(
        'Unreachable',
        `${failed.length} of ${answers.length} instances of ${name} give no number: ${why}`,
        { value: name },
      )
    return value
  }

  async #askEach(
    requests: readonly PreparedRequest[],
    signal: AbortSignal,
  ): Promise<readonly (number | Error)[]> {
    const answers: (number | Error)[] = []
    const queue = [...requests]
    const work = async () => {
      for (let request = queue.shift(); request !== undefined; request = queue.shift())
        answers.push(await this.#ask(request, signal).catch((error: Error) => error))
    }
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, queue.length) }, work))
    return answers
  }

  #prepareFor(instances: readonly WorkloadInstance[]): void {
    const requests = new Map<string, PreparedRequest>()
    for (const instance of instances) {
      const url = new URL(this.#url)
      url.host = `${instance.address.includes(':') ? `[${instance.address}]` : instance.address}:${portOf(instance, url)}`
      requests.set(url.host, this.#requests.get(url.host) ?? this.#endpoint.prepare({ url }))
    }
    this.#requests = requests
  }
}

/** `http://web.shop.svc.cluster.local:8080/stats` is about the Service web of the namespace shop. */
function serviceOf({ hostname }: URL): { readonly namespace: string; readonly name: string } {
  const [name, namespace] = hostname.split('.')
  if (name !== undefined && namespace !== undefined && !/^[0-9.]+$/.test(hostname)) return { namespace, name }
  throw new NsctlError('Invalid', `url does not name a Service and its namespace: ${hostname}`, {
    value: 'url',
    next: 'write it as http://web.default/stats',
  })
}

/** The one that the URL names by its number, or the only one, or http. */
function portOf({ name, ports }: WorkloadInstance, url: URL): number {
  const wanted = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
  const all = Object.values(ports)
  const port = all.includes(wanted) ? wanted : all.length === 1 ? all[0] : ports[url.protocol.slice(0, -1)]
  if (port !== undefined) return port
  throw new NsctlError(
    'Invalid',
    `the instance ${name} has no port ${wanted}, and none that is called http`,
    {
      value: 'url',
      next: 'name one of its ports in url',
    },
  )
}

function made(aggregation: string, numbers: readonly number[]): number {
  if (aggregation === 'min') return Math.min(...numbers)
  if (aggregation === 'max') return Math.max(...numbers)
  const sum = numbers.reduce((total, number) => total + number, 0)
  return aggregation === 'sum' ? sum : sum / numbers.length
}

function finite(value: number): number {
  if (Number.isFinite(value)) return value
  throw new NsctlError('Invalid', `the answer is ${value}, which is no number to scale by`)
}
