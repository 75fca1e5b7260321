// The one path of errors: whatever fails becomes an ApiError with the problem document's fields.

/** RFC 9457 problem as the server sends it. */
export type Problem = {
  title?: string;
  status?: number;
  detail?: string;
  code?: string;
  request_id?: string;
  errors?: { path?: string; line?: number; message?: string; field?: string }[];
};

export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string | undefined;
  readonly errors: NonNullable<Problem['errors']>;

  constructor(problem: Problem, status: number) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`);
    this.name = 'ApiError';
    this.status = status;
    this.code = problem.code ?? (status === 0 ? 'offline' : `http-${status}`);
    this.requestId = problem.request_id;
    this.errors = problem.errors ?? [];
  }
}

/** Reads a failed response whatever its body is. */
export async function errorOf(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => '');
  try {
    return new ApiError(JSON.parse(text) as Problem, response.status);
  } catch {
    return new ApiError({ detail: text.slice(0, 300) || response.statusText }, response.status);
  }
}

export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ApiError({ detail: message }, 0);
}
