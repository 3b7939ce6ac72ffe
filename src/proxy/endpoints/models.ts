import type { ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import { type LocalResponse, sendJson, sendLocalResponse } from '../response/local-response.js';
import type { RequestRecord } from '../failover/request-record.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import { headerText, ResponseCommit } from '../response/response-commit.js';
import { type ListedModels, ModelCatalogue, type ModelsResponse } from './model-catalogue.js';
import { openaiModels, type OpenaiModels } from './openai-models.js';

/** A 404: Codex starts at once with its built-in list. After a 5xx it retries for up to 11 s (docs/protocol.md, models). */
const noModels: LocalResponse = {
  status: 404,
  code: 'models_unavailable',
  type: 'pool_unavailable',
  message: 'No account in the pool could list its models.',
};

/**
 * Serves the list of models. Codex names its version and gets upstream's own list for it. Clients of OpenAI's public API
 * name none: upstream would refuse them, and they read another shape.
 */
@Injectable()
export class Models {
  constructor(
    private readonly catalogue: ModelCatalogue,
    private readonly commit: ResponseCommit,
  ) {}

  /** `id`: the only model that is asked for, percent-encoded; null for the whole list. */
  async serve(
    request: ProxyRequest,
    res: ServerResponse,
    id: string | null,
    record: RequestRecord,
  ): Promise<void> {
    const isVersioned = hasVersion(request.query);
    const query = isVersioned ? request.query : this.catalogue.defaultQuery;
    const found = await this.catalogue.list(request, query, record);
    if (found.kind === 'refused') return this.send(request, res, found.refusal, 'complete', record);
    if (found.kind === 'none') return refuse(request, res, noModels, record);
    const end = found.isCached ? 'from cache' : 'complete';
    if (isVersioned && id === null) return this.send(request, res, found.list, end, record);
    return this.sendForApi(request, res, id, found, record);
  }

  /** Sends upstream's response as it is. */
  private send(
    request: ProxyRequest,
    res: ServerResponse,
    { account, status, headers, body }: ModelsResponse,
    end: string,
    record: RequestRecord,
  ): void {
    res.writeHead(status, this.commit.headersOf(request, account, headers));
    res.end(body);
    record.end(end, status);
  }

  /** Sends the list, or one model of it, in the shape of the public API. */
  private sendForApi(
    request: ProxyRequest,
    res: ServerResponse,
    id: string | null,
    { list, isCached }: Extract<ListedModels, { kind: 'list' }>,
    record: RequestRecord,
  ): void {
    const models = openaiModels(list.body);
    if (models === null) return refuse(request, res, noModels, record);
    const body = id === null ? models : modelIn(models, decodeURIComponent(id));
    if (body === null) return refuse(request, res, notListed(id ?? ''), record);
    const { etag } = list.headers;
    sendJson(res, 200, body, {
      ...(etag === undefined ? {} : { etag }),
      'x-codex-pool-account': headerText(list.account.name),
      'x-codex-pool-request': request.id,
    });
    record.end(isCached ? 'from cache' : 'complete', 200);
  }
}

function hasVersion(query: string): boolean {
  return query !== '' && (new URLSearchParams(query).get('client_version') ?? '') !== '';
}

function modelIn({ data }: OpenaiModels, id: string): OpenaiModels['data'][number] | null {
  return data.find((it) => it.id === id) ?? null;
}

/** In the shape of the public API, whose clients ask for single models. */
function notListed(id: string): LocalResponse {
  return {
    status: 404,
    code: 'model_not_found',
    type: 'invalid_request_error',
    message: `The pool's accounts have no model named ${decodeURIComponent(id).slice(0, 100)}.`,
    fields: { param: 'model' },
  };
}

function refuse(
  request: ProxyRequest,
  res: ServerResponse,
  refusal: LocalResponse,
  record: RequestRecord,
): void {
  sendLocalResponse(res, { ...refusal, headers: { 'x-codex-pool-request': request.id } });
  record.end(refusal.code, refusal.status);
}
